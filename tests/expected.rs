//! Expected differences: they are no findings, each must be seen, and none hides another one.
//!
//! The machine of these tests is a counter, so that a whole exam takes a moment.

#![cfg(all(unix, feature = "exam"))]

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::LazyLock;
use std::time::Duration;

use dkv20_exam::{
    Ask, Budget, Case, CaseVerdict, Delivery, Difference, Divergence, Due, Evidence, ExamVerdict,
    Expected, Explanation, Failure, Interrupt, Level, Limits, Lines, Machine, Meaning, Plan,
    PortReport, PortSpec, Report, Selection, Session, Settings, Shape, Suite, Tally, examine,
    reports,
};

/// Counts as the reference does, apart from the faults that its arguments name.
const PORT: &str = r#"
    has() { case " $faults " in *" $1 "*) true ;; *) false ;; esac; }
    faults=$* value=0
    while read -r word number; do
        answer=ok
        case $word in
            hello) answer="ok counter" ;;
            new) value=0 ;;
            add)
                value=$((value + number))
                if [ "$number" = 7 ] && has sevens; then value=$((value + 1)); fi ;;
            sub)
                if has no-sub; then
                    answer="err unknown"
                else
                    value=$((value - number))
                    if [ "$value" -lt 0 ] && has floor; then value=0; fi
                fi ;;
            get) answer="ok $value" ;;
        esac
        echo "$answer"
    done"#;

struct Counter;

static LEVELS: LazyLock<[Level; 2]> = LazyLock::new(|| {
    let level = |name: &str, words: &[&str]| Level {
        name: name.into(),
        words: words.iter().map(|word| (*word).to_owned()).collect(),
    };
    [level("sums", &["new", "add", "get"]), level("differences", &["sub"])]
});

/// The suites with their cases. In `mixed` a longer case than the shortest that fails with `sevens`
/// shows `floor`, with the same fingerprint.
const SUITES: [(&str, &[&str]); 2] = [
    ("sums", &["new,add 1,get", "new,add 7,get", "new,add 2,add 7,get"]),
    (
        "mixed",
        &["new,add 7,get", "new,sub 3,sub 1,get", "new,add 9,sub 1,get", "new,add 7,sub 1,get"],
    ),
];

fn word(line: &[u8]) -> &[u8] {
    line.split(|byte| *byte == b' ').next().unwrap_or_default()
}

fn lines_of(text: &str) -> Lines {
    text.split(',').map(|line| line.as_bytes().to_vec()).collect()
}

impl Meaning for Counter {
    fn begins_anew(&self, line: &[u8]) -> bool {
        line == b"new"
    }

    fn is_look(&self, line: &[u8]) -> bool {
        line == b"get"
    }

    fn simpler<'a>(&self, _: &'a [Vec<u8>]) -> Box<dyn Iterator<Item = Lines> + 'a> {
        Box::new(std::iter::empty())
    }
}

impl Machine for Counter {
    fn levels(&self) -> &[Level] {
        &*LEVELS
    }

    fn session(&self) -> Result<Box<dyn Session>, Failure> {
        Ok(Box::new(Count(0)))
    }

    fn observers(&self, _: &[Vec<u8>]) -> Vec<Vec<u8>> {
        vec![b"get".to_vec()]
    }

    fn hello(&self) -> &'static str {
        "hello"
    }

    fn greeting_form(&self) -> &'static str {
        "ok counter"
    }

    fn is_greeting(&self, answer: &[u8]) -> bool {
        answer == b"ok counter"
    }

    fn word_of<'a>(&self, line: &'a [u8]) -> &'a [u8] {
        word(line)
    }

    fn kind_of(&self, line: &[u8]) -> String {
        String::from_utf8_lossy(word(line)).into_owned()
    }

    fn probe(&self, word: &str) -> Option<Vec<u8>> {
        let has_number = ["add", "sub"].contains(&word);
        Some(if has_number { format!("{word} 0").into() } else { word.into() })
    }

    fn is_unknown(&self, answer: &[u8]) -> bool {
        answer == b"err unknown"
    }

    fn needs_fresh_session(&self, _: &[Vec<u8>]) -> bool {
        false
    }

    fn depends_on_session(&self, _: &[u8]) -> bool {
        false
    }

    fn suites(&self, _: &Plan, _: &Interrupt) -> Vec<Suite> {
        let suite = |(name, cases): &(&'static str, &[&str])| {
            let cases = cases.iter().enumerate().map(|(number, lines)| {
                Case::new(format!("{name}/{number}"), lines_of(lines), Delivery::Pipelined)
            });
            Suite::of_cases(name, Vec::new(), cases.collect())
        };
        SUITES.iter().map(suite).collect()
    }

    fn fuzz_case(&self, _: u64) -> Case {
        Case::new("fuzz/0".into(), lines_of("new,get"), Delivery::Pipelined)
    }

    fn run_and_tally(
        &self,
        lines: &[Vec<u8>],
        _: Option<Vec<Due>>,
        _: &mut Tally,
        due: &mut dyn FnMut(Due) -> ControlFlow<()>,
    ) {
        let mut count = Count(0);
        let _ = lines.iter().try_for_each(|line| due(count.run(line)));
    }

    fn difference(&self, _: Option<&str>, _: &[u8], _: &[u8]) -> String {
        "another answer".into()
    }

    fn ingredients(&self, lines: &[Vec<u8>], step: usize, _: &Divergence) -> BTreeSet<String> {
        lines.get(step).map(|line| self.kind_of(line)).into_iter().collect()
    }

    fn explain(&self, _: &Evidence<'_>, _: Ask<'_>) -> Explanation {
        Explanation::default()
    }
}

struct Count(i64);

impl Session for Count {
    fn run_line(&mut self, line: &[u8]) -> Result<Due, Failure> {
        Ok(self.run(line))
    }
}

impl Count {
    fn run(&mut self, line: &[u8]) -> Due {
        let text = String::from_utf8_lossy(line).into_owned();
        let number = text.split(' ').nth(1).and_then(|number| number.parse().ok()).unwrap_or(0);
        match word(line) {
            b"hello" => return Due::Greeting,
            b"new" => self.0 = 0,
            b"add" => self.0 += number,
            b"sub" => self.0 -= number,
            b"get" => return Due::Answer(format!("ok {}", self.0).into()),
            _ => return Due::Answer("err unknown".into()),
        }
        Due::Answer("ok".into())
    }
}

fn expected(shape: Shape) -> Expected {
    let because = "It is known.".to_owned();
    Expected { port: "p".into(), shape, because, link: Some("https://example.org/7".into()) }
}

/// The differences of this fingerprint that these commands suffice to show.
fn difference(pattern: &str, commands: &[&str]) -> Expected {
    let mut difference = Difference::new(pattern).expect("a pattern");
    difference.commands = Some(commands.iter().map(|name| (*name).to_owned()).collect());
    expected(Shape::Difference(difference))
}

fn sevens() -> Expected {
    difference("get: .*", &["add"])
}

/// Examines a port with these faults.
fn exam(faults: &[&str], settings: Settings) -> Report {
    let command = [&["sh", "-c", PORT, "port"], faults].concat();
    let port = PortSpec::new("p", command.iter().map(|word| (*word).to_owned()).collect());
    let budget = Budget { time: Duration::from_secs(60), attempts: 500 };
    let limits = Limits { budget, timeout: Duration::from_secs(60), ..Limits::default() };
    let settings = Settings { limits, ..settings };
    examine(&[port], &Selection::new(&Counter, &settings), &|_| ())
}

fn exam_with(faults: &[&str], expected: Vec<Expected>) -> Report {
    exam(faults, Settings { expected, ..Settings::default() })
}

/// Returns the numbers of findings, of expected differences, and of those that were not seen.
fn counts(port: &PortReport) -> (usize, usize, usize) {
    (port.findings.len(), port.expected.len(), port.unseen.len())
}

fn last_line(report: &Report) -> String {
    reports::verdict_line(report)
}

#[test]
fn a_port_with_only_expected_differences_conforms() {
    let report = exam_with(&["sevens"], vec![sevens()]);
    let port = &report.ports[0];
    assert_eq!((report.verdict(), counts(port)), (ExamVerdict::Conforms, (0, 1, 0)));
    assert_eq!(last_line(&report), "conforms: p, 7 cases, with 1 expected difference");
    let seen = &port.expected[0];
    assert_eq!((seen.findings, seen.cases), (1, 4));
    assert_eq!(seen.shortest.as_ref().unwrap().shrunk, ["add 7", "get"]);
    let verdicts = [CaseVerdict::Passed, CaseVerdict::Failed, CaseVerdict::Expected];
    assert_eq!(verdicts.map(|verdict| port.count(verdict)), [3, 0, 4]);
    let reason = port.cases[1].reason.as_deref().unwrap();
    assert_eq!(reason, "`get`: expected `ok 7`, got `ok 8` (expected: It is known.)");
}

#[test]
fn without_the_entry_it_diverges() {
    let report = exam_with(&["sevens"], Vec::new());
    let port = &report.ports[0];
    assert_eq!((report.verdict(), counts(port)), (ExamVerdict::Diverges, (1, 0, 0)));
    let commands: Vec<_> = port.findings[0].commands.iter().collect();
    assert_eq!(commands, ["add"], "the line that shows it is no command that acts");
    // An entry of another port changes nothing.
    let other = Expected { port: "q".into(), ..sevens() };
    assert_eq!(counts(&exam_with(&["sevens"], vec![other]).ports[0]), (1, 0, 0));
}

#[test]
fn a_difference_that_is_expected_and_not_seen_is_reported() {
    let report = exam_with(&[], vec![sevens()]);
    assert_eq!((report.verdict(), counts(&report.ports[0])), (ExamVerdict::Diverges, (0, 0, 1)));
    assert_eq!(last_line(&report), "diverges: p (1 expected difference not seen)");
    let text = reports::text(&report, false);
    assert!(text.starts_with("expected and not seen  p  get: .* (commands add)\n"), "{text}");
    // The finding is not the expected one, as to its fingerprint, its commands, or what it needs.
    let other_fingerprint = difference("add: .*", &["new", "add"]);
    let other_commands = difference("get: .*", &["new", "sub"]);
    let mut needs = Difference::new("get: .*").unwrap();
    needs.needs = ["sub".to_owned()].into();
    for entry in [other_fingerprint, other_commands, expected(Shape::Difference(needs))] {
        let report = exam_with(&["sevens"], vec![entry]);
        assert_eq!(counts(&report.ports[0]), (1, 0, 1));
        let line = "diverges: p (1 finding, 4 cases failed, 1 expected difference not seen)";
        assert_eq!(last_line(&report), line);
    }
}

/// The pattern is for the whole fingerprint.
#[test]
fn a_part_of_the_fingerprint_does_not_suffice() {
    let part = difference("get|another", &["new", "add"]);
    assert_eq!(counts(&exam_with(&["sevens"], vec![part]).ports[0]), (1, 0, 1));
}

#[test]
fn a_second_fault_behind_the_same_fingerprint_is_found() {
    let report = exam_with(&["sevens", "floor"], vec![sevens()]);
    let port = &report.ports[0];
    assert_eq!((report.verdict(), counts(port)), (ExamVerdict::Diverges, (1, 1, 0)));
    assert_eq!(port.findings[0].shrunk, ["sub 3", "get"]);
    assert_eq!(port.findings[0].case, "mixed/1");
    let verdicts = port.cases.iter().map(|case| (case.id.as_str(), case.verdict));
    let failed = verdicts.filter(|(_, verdict)| *verdict == CaseVerdict::Failed);
    assert_eq!(failed.map(|(id, _)| id).collect::<Vec<_>>(), ["mixed/1"]);
    assert_eq!(port.expected[0].cases, 4);
}

#[test]
fn a_level_may_be_out_of_reach() {
    let level = |level| expected(Shape::Level(level));
    let report = exam_with(&["no-sub"], vec![level(2)]);
    let port = &report.ports[0];
    assert_eq!((report.verdict(), counts(port)), (ExamVerdict::Conforms, (0, 1, 0)));
    assert_eq!((port.expected[0].cases, port.count(CaseVerdict::Expected)), (3, 3));
    assert!(port.expected[0].shortest.is_none());
    // Cases of it fail.
    let report = exam_with(&["floor"], vec![level(2)]);
    assert_eq!((report.verdict(), counts(&report.ports[0])), (ExamVerdict::Conforms, (0, 1, 0)));
    // A finding of a lower level is not covered.
    let report = exam_with(&["sevens", "no-sub"], vec![level(2)]);
    assert_eq!((report.verdict(), counts(&report.ports[0])), (ExamVerdict::Diverges, (1, 1, 0)));
    // The level was reached, or a lower one is lacking.
    let report = exam_with(&[], vec![level(2)]);
    assert_eq!((report.verdict(), counts(&report.ports[0])), (ExamVerdict::Diverges, (0, 0, 1)));
    let report = exam_with(&["no-sub"], vec![level(1)]);
    assert_eq!((report.verdict(), counts(&report.ports[0])), (ExamVerdict::Diverges, (0, 1, 1)));
}

#[test]
fn a_part_of_the_exam_need_not_show_every_difference() {
    let whole = || Settings { expected: vec![sevens()], ..Settings::default() };
    let mut parts = [whole(), whole(), whole()];
    parts[0].only = vec!["sums/0".into()];
    parts[1].shard.count = 7;
    parts[2].level_max = 1;
    for part in parts {
        let report = exam(&[], part);
        assert_eq!(counts(&report.ports[0]), (0, 0, 0));
        assert_eq!(report.verdict(), ExamVerdict::Conforms);
    }
    // A port that lacks commands is not asked everything.
    let report = exam_with(&["no-sub"], vec![sevens()]);
    assert_eq!((report.verdict(), counts(&report.ports[0])), (ExamVerdict::Incomplete, (0, 0, 0)));
}
