//! Fixed lines that another grammar accepts and the definition does not: forms of numbers and of
//! lists in every place of a number, words of other programs, and lines with more around them, as
//! in a shell, a trace or another protocol.

use dkv20_exam::Case;

use super::common::case;
use super::lines::MALFORMED_NUMBERS;

/// Commands with `_` for a number or an id, after the lines that they need.
const PLACES: [(&str, &str); 22] = [
    ("", "mix _"),
    ("", "draw _ 1"),
    ("", "draw 1 _"),
    ("", "new _"),
    ("new 3", "replica _"),
    ("new 3", "get _ a"),
    ("new 3", "hash _"),
    ("new 3", "dump _"),
    ("new 3", "log _"),
    ("new 3", "at _ noop"),
    ("new 3", "at _ put a b"),
    ("new 3", "at _ del a"),
    ("new 3", "partition _"),
    ("new 3", "partition 0 _"),
    ("new 3,partition 1 2", "heal _"),
    ("new 3,partition 1 2", "heal 1 _"),
    ("new 3", "compact _"),
    ("new 3", "compact 1 _"),
    ("new 3", "workload _ 1 1"),
    ("new 3", "workload 1 _ 1"),
    ("new 3", "chaos _ 1"),
    ("new 3", "chaos 1 _"),
];
/// Lists, ranges, names of replicas and other forms of a number, some of which answers have.
const FORMS: &str = "1,2 1, ,1 0,1,2 1;2 1; ;1 1:2 1: 1|2 1-2 0-2 1.. ..1 0..2 0..=2 1+ 1+1 2-1 \
    1*1 1/2 [1] [1,2] {1} (1) <1> \"1\" `1` * ? ! . - -- _ ~ ~1 !1 ^1 #1 1# @1 $1 %1 &1 =1 id=1 1= \
    n1 r1 N replica-1 replica1 all any each every none leader follower self last first \
    other others current 1st max min -1 end true 1i 1L 1U 1f 1. 1e0 0d1 1h 01b 1k 1K 1M 1s";
/// First words of lines in other programs: shells, stores and replicated logs.
const WORDS: &str = "help ? h man usage commands command exit bye q end stop close done logout \
    shutdown kill abort ping pong echo info version ver about hi name stat stats state show list \
    ls keys key values scan set delete remove rm unset add insert append update write store read \
    fetch lookup query find exists has contains count size len length incr decr cas mget mset mput \
    begin commit rollback multi exec watch sync fsync flush flushall flushdb dbsize clear reset \
    restart reload save load-file import export backup restore snapshot dump-all logs entries term \
    terms index quorum leader leaders role nodes node members member replicas peers cluster create \
    init start open run do step tick settle wait sleep time propose proposal op ops nop no-op \
    no_op pass noops isolate disconnect connect reconnect unpartition split merge join leave elect \
    election vote campaign crash recover truncate gc prune seed random rand rng next splitmix \
    splitmix64 digest checksum sha256 hex bench test debug trace verbose log-level config use \
    select auth login user let var print puts say if for while repeat try set! ok err error true \
    false > < >> << $ % : ; ! @ & | * + - -- --- . .. ... / // /* */ \\ = == ~ ^ ( ) [ ] { } {} [] \
    () <> \" ' ` , rem REM --help -h --version -v -? /help /? .help .exit .quit :q :quit \\q \\h \
    !! !1 quit; quit() exit() quit. quit! quits quit= hello! hello, hello: HELO EHLO QUIT Quit \
    HELLO";
/// Texts before and after a line; `_` stands for it.
const AROUND: &str = "> _,< _,>_,$ _,% _,>>> _,: _,:_,- _,* _,/_,!_,@_,+_,. _,\\_,& _,1 _,1: _,\
    1. _,dkv20 _,do _,sudo _,time _,run _,call _,let _,ok _,(_),[_],{_},<_>,\"_\",'_',`_`,_;,_ ;,\
    ;_,; _,_ ; mix 2,_; mix 2,_;mix 2,_ &,_ &&,_ && mix 2,_ ||,_ |,_ | mix 2,_ >,_ > out,_ < in,\
    _ 2>&1,_ #,_ # x,_ #x,_ //,_ // x,_ --,_ -- x,_ /* x */,/* x */ _,// _,-- _,' _,rem _,REM _,\
    ; _,%_,%% _,_ \\,_\\,_ -,_ ...,_ .,_.,_ ?,_?,_ !,_!,_:,_ :,_ -v,_ --json,-v _,--json _,_ \"\",\
    _ '',_ {},_ [],_ (),_(),_ =,_ = 1,_ := 1,x = _,x := _,_ null,_ nil,_ \\n,_\\n,_\\r\\n,_ EOF,\
    _ end,_ HTTP/1.1,_ 1 2 3 4 5 6 7";
const COMMANDS: [(&str, &str); 13] = [
    ("", "mix 1"),
    ("", "draw 1 1"),
    ("", "load 0x"),
    ("", "new 2"),
    ("new 2", "noop"),
    ("new 2", "put a b"),
    ("new 2", "del a"),
    ("new 2", "get 0 a"),
    ("new 2", "replica 0"),
    ("new 2", "status"),
    ("new 2", "at 0 noop"),
    ("new 2", "partition 1"),
    ("new 2", "chaos 1 1"),
];
/// Lines by which clients of other protocols begin.
const GREETINGS: [&str; 14] = [
    "*1",
    "*2",
    "$5",
    "+OK",
    "-ERR",
    ":1",
    "GET / HTTP/1.1",
    "Host: localhost",
    "{\"command\": \"mix\", \"z\": 1}",
    "{\"mix\": 1}",
    "[\"mix\", 1]",
    "[\"hello\"]",
    "<mix>1</mix>",
    "mix(1)",
];

/// Sessions of each level, whose lines are asked with more spaces. They show whether a bare word, and
/// a word with arguments, do the same as without.
const SESSIONS: [(&str, &str); 4] = [
    ("numbers", "mix 1,draw 1 2,hello,mix,draw 1"),
    (
        "cluster",
        "new 2,noop,put a b,get 1 a,del a,status,replica 1,hash 0,dump 0,log 1,new 1,status",
    ),
    (
        "faults",
        "new 3,put a b,partition 1,status,heal,status,partition 1 2,heal 1,status,heal 2,at 0 noop,\
        at 0 put c d,at 0 del a,compact 1,replica 1,replica 0,compact,replica 0,partition,status",
    ),
    ("scale", "new 2,workload 1 9 9,partition 1,chaos 1 9,scenario C,heal,status"),
];

/// Makes the cases for a suite. Each has one command, whose level is the case's.
pub(super) fn cases(suite: &str) -> Vec<Case> {
    let tokens = || MALFORMED_NUMBERS.split(' ').chain(FORMS.split_whitespace());
    let places = PLACES.map(|(before, command)| {
        let lines = tokens().map(|token| command.replace('_', token));
        let name = format!("place-{}", command.replace(' ', "-").replace('_', "n"));
        of_lines(suite, &name, before, lines)
    });
    let around = COMMANDS.map(|(before, command)| {
        let lines = AROUND.split(',').map(|form| form.replace('_', command));
        of_lines(suite, &format!("around-{}", command.replace(' ', "-")), before, lines)
    });
    let words = || WORDS.split_whitespace();
    let alone = words().flat_map(|word| [word.to_owned(), format!("{word} 1")]);
    let greetings = GREETINGS.map(String::from);
    let after_at = words().flat_map(|word| [format!("at 0 {word}"), format!("at 0 {word} a")]);
    let mut cases = vec![
        of_lines(suite, "other-words", "", alone.chain(greetings)),
        of_lines(suite, "other-words-after-at", "new 1", after_at),
    ];
    cases.extend(SESSIONS.map(|(name, lines)| {
        let forms: [fn(&str) -> String; 4] = [
            |line| format!(" {line}"),
            |line| format!("{line} "),
            |line| line.replace(' ', "  "),
            |line| format!("  {}   ", line.replace(' ', "   ")),
        ];
        let lines = forms.iter().flat_map(|form| lines.split(',').map(form));
        of_lines(suite, &format!("spaced-{name}"), "", lines)
    }));
    cases.extend(places);
    cases.extend(around);
    cases
}

/// Makes a case of lines after others, which commas separate. The last command's answer shows that no
/// line has ended the session.
fn of_lines(suite: &str, name: &str, before: &str, lines: impl Iterator<Item = String>) -> Case {
    let before = before.split_terminator(',').map(String::from);
    let lines = before.chain(lines).chain(["mix 1".to_owned()]).map(String::into_bytes);
    case(suite, name, lines.collect())
}
