//! Workloads and chaos runs.

use dkv20_exam::Actual;

use crate::{answers, explain, explain_as, first_section, has_fact, instead, lines};

#[test]
fn a_refused_command_has_no_draws() {
    for line in [
        "workload 1 10 18446744073709551615",
        "workload 1 10 10000001",
        "workload 1 0 5",
        "chaos 1 18446744073709551615",
        "scenario A\r",
        "scenario C",
    ] {
        let port = instead(line, "ok");
        let explanation = explain(&format!("new 1; {line}"), 2, &port);
        assert_eq!(explanation.facts, [""; 0], "{line}");
        assert!(["7", "8"].contains(&first_section(&explanation)), "{line}");
    }
    // A limit that the port lacks is a limit all the same.
    let port = instead("workload 1 10 5", "err count");
    assert_eq!(explain("new 1; workload 1 10 5", 2, &port).facts, [""; 0]);
}

#[test]
fn a_workload_is_explained_by_its_last_op() {
    let port = instead("workload 20 1000 1", "ok committed=0 pending=0 refused=0");
    let explanation = explain("new 1; workload 20 1000 1", 2, &port);
    let op = "op 1 of the workload: draws 3900778703475868044 357812285139149957 \
              4645975589145387511 make `put 0x6b65792d303030393537 0x571d000000000000`";
    assert_eq!(explanation.facts[0], op);
    assert_eq!(first_section(&explanation), "8");
    // No op has been drawn.
    let port = instead("workload 20 1000 0", "ok committed=1 pending=0 refused=0");
    let explanation = explain("new 1; workload 20 1000 0", 2, &port);
    assert!(!has_fact(&explanation, "op "), "{:?}", explanation.facts);
}

#[test]
fn right_counts_are_not_a_wrong_workload() {
    let port = instead("workload 1 10 2", "ok committed=0 pending=2 refused=0");
    let explanation = explain("new 1; workload 1 10 2", 2, &port);
    assert_eq!(first_section(&explanation), "8");
    assert!(has_fact(&explanation, "only the numbers are wrong"));
}

#[test]
fn numbers_that_do_not_add_up_are_of_section_7_only_if_an_op_may_be_missing() {
    let of = |text: &str, answer: &str| {
        let line = text.rsplit("; ").next().unwrap().to_owned();
        let step = lines(text).len();
        first_section(&explain(text, step, &instead(&line, answer))).to_owned()
    };
    let wrong = "ok committed=1 pending=0 refused=0";
    assert_eq!(of("new 1; workload 1 9 3", wrong), "8");
    let wrong = "ok committed=0 pending=0 refused=1";
    assert_eq!(of("new 1; partition 0; workload 1 9 3", wrong), "7");
}

#[test]
fn line_by_line_is_stated_only_if_it_was_compared() {
    let wrong = format!("ok digest={}", "0".repeat(64));
    let all_lines = "the port is right if the commands are written out as 6 lines";
    let port = instead("chaos 6443 2", &wrong);
    let explanation = explain("new 1; chaos 6443 2", 2, &port);
    assert!(has_fact(&explanation, all_lines), "{:?}", explanation.facts);
    let step = "step 2: draws 8850776011603645071 7095079271941099458 7089736424386435806 \
                2070537642031768863 14566403119424416522 (e is 61) make `at 0 put \
                0x6b65792d303030303331 0x7a19000000000000`";
    assert!(explanation.facts.iter().any(|fact| fact == step), "{:?}", explanation.facts);
    assert!(has_fact(&explanation, "the port's answer to `chaos 6443 1` is right"));
    assert_eq!(first_section(&explanation), "10");

    // Another line is wrong, too; or the port fails.
    let also = |line: &str, right: String| match line {
        "chaos 6443 2" => wrong.clone(),
        "partition 0" => "ok leader=none term=7".into(),
        _ => right,
    };
    assert_eq!(explain("new 1; chaos 6443 2", 2, &also).facts, [""; 0]);
    let lines = lines("new 1; chaos 6443 2");
    let right = answers(&lines, &|_, answer| answer).pop().unwrap();
    let actual = Actual::Answer(wrong.clone().into());
    let explanation = explain_as(&lines, 2, right, actual, &mut |_| None);
    assert_eq!(explanation.facts, [""; 0]);
    assert_eq!(explanation.sections, ["10"]);
}
