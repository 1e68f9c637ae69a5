//! The fault run: a cluster of three etcd members, three writers, and followers in three languages,
//! while members are killed, paused and moved, followers start again, and history is compacted.
//!
//! `scripts/live.sh faults` builds the programs and runs it. At its end the log has no gap, no
//! duplicate and no loss, every follower has published the same, and each of the ways in which a
//! follower recovers was taken.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dkv20_exam::Interrupt;
use dkv20_live::{Access, Connection, Entries, LogName, Recoveries, Servers};
use etcd_client::{Client, ConnectOptions, Error, GetOptions, ResponseHeader};
use rustix::process::{Pid, Signal, kill_process};
use tokio::runtime::Runtime;
use tokio::time::{sleep, timeout};

const LOG: &str = "faults";
const WRITERS: usize = 3;
/// Lines that each writer gets at once, and the pause after them.
const BURST: usize = 10;
const BURST_PAUSE: Duration = Duration::from_millis(10);
const EVERY: u64 = 500;
const COMPACTION_PAUSE: Duration = Duration::from_millis(200);
/// How long anything may take that has to happen.
const PATIENCE: Duration = Duration::from_secs(60);

type Outcome<T> = Result<T, String>;

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let seconds = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--seconds", number] => number.parse().expect("--seconds takes a number"),
        [] => 60,
        _ => panic!("the only option is --seconds N"),
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let runtime = Runtime::new().expect("threads");
    let outcome = runtime.block_on(run(folder.path(), Duration::from_secs(seconds)));
    if let Err(reason) = outcome {
        eprintln!("live: FAILED: {reason}");
        let kept = folder.keep();
        eprintln!("live: the logs of etcd are in {}", kept.display());
        std::process::exit(1);
    }
}

async fn run(folder: &Path, duration: Duration) -> Outcome<()> {
    let servers = Servers::start(3, folder, &[], Interrupt::default()).await;
    let mut cluster = Cluster::new(servers.map_err(|error| error.to_string())?);
    println!("live: three members of etcd, {WRITERS} writers, followers rust, go and cpp");
    let writers: Vec<_> = (0..WRITERS).map(|number| Writer::start(&cluster, number)).collect();
    let start = |member| Reader::start(&cluster, member, Duration::ZERO);
    let mut readers: Vec<_> = (0..3).map(start).collect();
    let mut followers = Followers::start(&cluster);
    // An audit needs a log.
    eventually("a log", async || cluster.has_log().await.then_some(())).await?;
    let auditor = Program::start(&cluster, 0, "audit", &[]);
    let compactor = Compactor::start(&cluster);
    let started = Instant::now();
    let mut counts = BTreeMap::new();
    // At least one fault of each kind.
    for fault in Fault::ALL.iter().cycle() {
        if started.elapsed() > duration && counts.len() == Fault::ALL.len() {
            break;
        }
        cluster.inflict(*fault, &mut followers).await?;
        *counts.entry(fault.name()).or_insert(0) += 1;
        sleep(Duration::from_millis(500)).await;
    }
    let counts: Vec<_> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    println!("live: faults: {}", counts.join(", "));
    // Between two of its pages history is compacted.
    let slow = Reader::start(&cluster, 0, COMPACTION_PAUSE * 2);
    let is_compacted = async || slow.is_compacted.load(Ordering::Relaxed).then_some(());
    eventually("a page whose revision is compacted", is_compacted).await?;
    readers.push(slow);
    let mut sent = Vec::new();
    for writer in writers {
        sent.push(writer.finish().await?);
    }
    let compactions = compactor.finish();
    let mut head = check_log(&cluster, &sent).await?;
    head = leave_a_gap_for_a_while(&cluster, head).await?;
    let published = await_checkpoints(&cluster, head / EVERY * EVERY).await;
    // A program that has failed says why.
    let audited = auditor.interrupt()?;
    let mut recoveries = followers.finish()?;
    published?;
    for reader in readers {
        recoveries += &format!("\n{}", reader.finish(head)?);
    }
    println!("live: history was compacted {compactions} times; {}", audited.trim_end());
    check_recoveries(&recoveries)?;
    let seconds = started.elapsed().as_secs();
    println!(
        "live: {head} entries in {seconds} s: no gap, no duplicate, no loss, all hashes equal"
    );
    Ok(())
}

// --- The cluster and its faults -----------------------------------------------------------------

struct Cluster {
    servers: Servers,
    endpoints: Vec<String>,
}

#[derive(Clone, Copy)]
enum Fault {
    LeaderMoved,
    LeaderKilled,
    FollowerStartedAgain,
    LeaderPaused,
    MemberPaused,
    QuorumLost,
}

impl Fault {
    const ALL: [Self; 6] = [
        Self::LeaderMoved,
        Self::LeaderKilled,
        Self::FollowerStartedAgain,
        Self::LeaderPaused,
        Self::MemberPaused,
        Self::QuorumLost,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::LeaderMoved => "leaders moved",
            Self::LeaderKilled => "leaders killed",
            Self::FollowerStartedAgain => "followers started again",
            Self::LeaderPaused => "leaders paused",
            Self::MemberPaused => "other members paused",
            Self::QuorumLost => "quorums lost",
        }
    }
}

impl Cluster {
    fn new(servers: Servers) -> Self {
        let endpoints = servers.endpoints();
        Self { servers, endpoints }
    }

    /// Reports whether a writer or a follower has begun the log.
    async fn has_log(&self) -> bool {
        let key = format!("{LOG}/settings");
        let answer = self.try_once(0, async |client| client.get(key, None).await).await;
        answer.is_ok_and(|answer| answer.count() > 0)
    }

    async fn inflict(&mut self, fault: Fault, followers: &mut Followers) -> Outcome<()> {
        let leader = self.leader().await?;
        let others = [(leader + 1) % 3, (leader + 2) % 3];
        match fault {
            Fault::LeaderMoved => {
                eventually("a leader that moves", async || self.move_leader().await.ok()).await?;
            }
            Fault::LeaderKilled => {
                self.servers.kill(leader);
                sleep(Duration::from_secs(2)).await;
                self.servers.restart(leader).map_err(|error| error.to_string())?;
            }
            Fault::FollowerStartedAgain => followers.start_again(self)?,
            Fault::LeaderPaused => self.pause(&[leader], Duration::from_secs(4)).await,
            Fault::MemberPaused => self.pause(&others[..1], Duration::from_secs(3)).await,
            // A member without a leader cancels watches after a few elections.
            Fault::QuorumLost => self.pause(&others, Duration::from_secs(8)).await,
        }
        Ok(())
    }

    /// Moves the leader, once: another member may have become it since it was found.
    async fn move_leader(&self) -> Outcome<()> {
        let leader = self.leader().await?;
        let target = self.member_id((leader + 1) % 3).await?;
        self.try_once(leader, async |client| client.move_leader(target).await).await.map(drop)
    }

    async fn pause(&self, members: &[usize], time: Duration) {
        let signal = |signal| {
            for member in members {
                let id = self.servers.process_id(*member).and_then(|id| i32::try_from(id).ok());
                let id = id.and_then(Pid::from_raw).expect("the member runs");
                kill_process(id, signal).expect("the member is a child");
            }
        };
        signal(Signal::STOP);
        sleep(time).await;
        signal(Signal::CONT);
    }

    /// Returns the member that is the leader, once there is one.
    async fn leader(&self) -> Outcome<usize> {
        eventually("a leader", async || {
            for member in 0..self.endpoints.len() {
                let status = self.try_once(member, async |client| client.status().await).await;
                let own = status
                    .ok()
                    .and_then(|status| Some((status.leader(), status.header()?.member_id())));
                if own.is_some_and(|(leader, own)| leader == own && leader != 0) {
                    return Some(member);
                }
            }
            None
        })
        .await
    }

    async fn member_id(&self, member: usize) -> Outcome<u64> {
        let status = self.ask(member, async |client| client.status().await).await?;
        status.header().map(ResponseHeader::member_id).ok_or("no header".into())
    }

    /// Asks a member until it answers.
    async fn ask<T>(
        &self,
        member: usize,
        request: impl AsyncFn(&mut Client) -> Result<T, Error>,
    ) -> Outcome<T> {
        let endpoint = &self.endpoints[member];
        eventually(endpoint, async || self.try_once(member, &request).await.ok()).await
    }

    async fn try_once<T>(
        &self,
        member: usize,
        request: impl AsyncFnOnce(&mut Client) -> Result<T, Error>,
    ) -> Outcome<T> {
        let time = Duration::from_secs(2);
        let options = ConnectOptions::new().with_connect_timeout(time);
        let answer = timeout(time, async {
            let mut client = Client::connect([&self.endpoints[member]], Some(options)).await?;
            request(&mut client).await
        });
        let answer = answer.await.map_err(|_| "no answer in time".to_owned())?;
        answer.map_err(|error| error.to_string())
    }
}

/// Returns what `attempt` returns, which is tried until it is something.
async fn eventually<T>(what: &str, attempt: impl AsyncFn() -> Option<T>) -> Outcome<T> {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if let Some(outcome) = attempt().await {
            return Ok(outcome);
        }
        sleep(Duration::from_millis(100)).await;
    }
    Err(format!("{what}: not within {} s", PATIENCE.as_secs()))
}

/// Compacts the history up to the present, again and again.
struct Compactor {
    is_over: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
}

impl Compactor {
    fn start(cluster: &Cluster) -> Self {
        let (is_over, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let own = Self { is_over: is_over.clone(), count: count.clone() };
        let endpoints = cluster.endpoints.clone();
        tokio::spawn(async move {
            while !is_over.load(Ordering::Relaxed) {
                for endpoint in &endpoints {
                    let compacted = timeout(Duration::from_secs(1), compact(endpoint)).await;
                    if compacted.is_ok_and(|outcome| outcome.is_ok()) {
                        count.fetch_add(1, Ordering::Relaxed);
                        break;
                    }
                }
                sleep(COMPACTION_PAUSE).await;
            }
        });
        own
    }

    fn finish(self) -> usize {
        self.is_over.store(true, Ordering::Relaxed);
        self.count.load(Ordering::Relaxed)
    }
}

async fn compact(endpoint: &str) -> Result<(), Error> {
    let mut client = Client::connect([endpoint], None).await?;
    let revision = client.get("revision", None).await?.header().map_or(0, ResponseHeader::revision);
    client.compact(revision, None).await.map(drop)
}

// --- The programs -------------------------------------------------------------------------------

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A running `dkv20 live`.
struct Program {
    name: String,
    /// `None` once it is waited for.
    child: Option<Child>,
    stdin: Option<ChildStdin>,
}

/// A run that fails leaves no program behind.
impl Drop for Program {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Program {
    /// `first` is the member that it uses first.
    fn start(cluster: &Cluster, first: usize, command: &str, options: &[&str]) -> Self {
        let mut endpoints = cluster.endpoints.clone();
        endpoints.rotate_left(first % 3);
        let program = root().join("target/dkv20");
        let mut child = Command::new(&program)
            .current_dir(root())
            .args(["live", command, "--log", LOG, "--etcd", &endpoints.join(",")])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{}: {error}: run scripts/build.sh live", program.display())
            });
        let stdin = child.stdin.take();
        Self { name: [command, options.get(1).unwrap_or(&"")].join(" "), child: Some(child), stdin }
    }

    /// Waits for its end and returns its standard output.
    fn finish(mut self) -> Outcome<String> {
        self.stdin = None;
        let child = self.child.take().expect("it is waited for once");
        let output = child.wait_with_output().map_err(|error| error.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() {
            return Ok(text(&output.stdout));
        }
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        Err(format!("{}: {}\n{stdout}{stderr}", self.name, output.status))
    }

    /// Interrupts it, waits for its end, and returns its standard output.
    fn interrupt(self) -> Outcome<String> {
        let id = self.child.as_ref().and_then(|child| i32::try_from(child.id()).ok());
        let id = id.and_then(Pid::from_raw).expect("it runs");
        kill_process(id, Signal::INT).map_err(|error| error.to_string())?;
        self.finish()
    }
}

/// A writer, and how many lines it was sent.
struct Writer {
    program: Program,
    is_over: Arc<AtomicBool>,
    feeder: std::thread::JoinHandle<(usize, ChildStdin)>,
}

impl Writer {
    fn start(cluster: &Cluster, number: usize) -> Self {
        let options = ["--writer", &format!("w{number}"), "--every", &EVERY.to_string()];
        let mut program = Program::start(cluster, number, "append", &options);
        let mut stdin = program.stdin.take().expect("a pipe");
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = is_over.clone();
        let feeder = std::thread::spawn(move || {
            let mut count = 0;
            while !ends.load(Ordering::Relaxed) {
                let lines = (count..count + BURST).map(|line| format!("{}\n", entry(number, line)));
                // If it ends early, its status says why.
                if stdin.write_all(lines.collect::<String>().as_bytes()).is_err() {
                    break;
                }
                count += BURST;
                std::thread::sleep(BURST_PAUSE);
            }
            (count, stdin)
        });
        Self { program, is_over, feeder }
    }

    /// Ends its input, and returns how many lines it was sent.
    async fn finish(self) -> Outcome<usize> {
        self.is_over.store(true, Ordering::Relaxed);
        let (count, stdin) = self.feeder.join().map_err(|_| "a writer's thread panicked")?;
        drop(stdin);
        let finished = tokio::task::spawn_blocking(|| self.program.finish());
        finished.await.map_err(|error| error.to_string())?.map(|_| count)
    }
}

/// The line of a writer with this number.
fn entry(writer: usize, line: usize) -> String {
    format!("put w{writer}-{} {line}", line % 1_000)
}

const FOLLOWERS: [(&str, &str); 3] = [
    ("rust", "target/ports/rust serve"),
    ("go", "target/ports/go serve"),
    ("cpp", "target/ports/cpp serve"),
];

struct Followers {
    running: Vec<Program>,
    /// The output of those that ended.
    printed: String,
    turn: usize,
}

impl Followers {
    fn start(cluster: &Cluster) -> Self {
        let running = (0..3).map(|number| Self::start_one(cluster, number)).collect();
        Self { running, printed: String::new(), turn: 0 }
    }

    fn start_one(cluster: &Cluster, number: usize) -> Program {
        let (name, command) = FOLLOWERS[number];
        let port = format!("{name}={command}");
        Program::start(cluster, number, "follow", &["--port", &port, "--every", &EVERY.to_string()])
    }

    /// Ends one and starts it anew: it replays the log while history is compacted.
    fn start_again(&mut self, cluster: &Cluster) -> Outcome<()> {
        let number = self.turn % 3;
        self.turn += 1;
        let ended = std::mem::replace(&mut self.running[number], Self::start_one(cluster, number));
        self.printed += &ended.interrupt()?;
        Ok(())
    }

    /// Ends all and returns what all have printed.
    fn finish(self) -> Outcome<String> {
        let mut printed = self.printed;
        for program in self.running {
            printed += &program.interrupt()?;
        }
        Ok(printed)
    }
}

/// Reads the log through one member alone, and does not ask for it in a silence: so the member that
/// is left when a quorum is lost can cancel its watch.
struct Reader {
    is_over: Arc<AtomicBool>,
    is_compacted: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Outcome<(u64, Recoveries)>>,
}

impl Reader {
    /// It pauses after each page until it has met a compaction.
    fn start(cluster: &Cluster, member: usize, pause: Duration) -> Self {
        let [is_over, is_compacted] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        let endpoint = cluster.endpoints[member].clone();
        let flags = [is_over.clone(), is_compacted.clone()];
        let read = move || Runtime::new().expect("threads").block_on(read(endpoint, flags, pause));
        Self { is_over, is_compacted, thread: std::thread::spawn(read) }
    }

    /// Ends it. It must have read up to the head.
    fn finish(self, head: u64) -> Outcome<Recoveries> {
        self.is_over.store(true, Ordering::Relaxed);
        let (read, recoveries) = self.thread.join().map_err(|_| "a reader's thread panicked")??;
        if read == head { Ok(recoveries) } else { Err(format!("a reader read {read} of {head}")) }
    }
}

/// Reads entries until they are over and none came for a while.
async fn read(
    endpoint: String,
    [is_over, is_compacted]: [Arc<AtomicBool>; 2],
    pause: Duration,
) -> Outcome<(u64, Recoveries)> {
    let access = Access { patience: PATIENCE, ..Access::new(vec![endpoint], Interrupt::default()) };
    let log: LogName = LOG.parse()?;
    let mut entries = Entries::with_silence_time(Connection::new(access), log, 1, PATIENCE * 10);
    let mut last = 0;
    loop {
        match timeout(Duration::from_secs(1), entries.next()).await {
            Err(_) if is_over.load(Ordering::Relaxed) => return Ok((last, entries.recoveries())),
            Err(_) => {}
            Ok(read) => {
                for entry in read.map_err(|error| error.to_string())? {
                    last += 1;
                    if entry.index != last {
                        return Err(format!("entry {} came in place of {last}", entry.index));
                    }
                }
                let is_slow = entries.recoveries().compactions == 0;
                is_compacted.fetch_or(!is_slow, Ordering::Relaxed);
                sleep(if is_slow { pause } else { Duration::ZERO }).await;
            }
        }
    }
}

// --- What must hold -----------------------------------------------------------------------------

/// Checks that the log has each line of each writer once and in its order, and nothing else. Returns
/// the index of the last entry.
async fn check_log(cluster: &Cluster, sent: &[usize]) -> Outcome<u64> {
    let mut due = vec![0; sent.len()];
    let mut index = 0_u64;
    loop {
        let key = format!("{LOG}/entry/{:020}", index + 1);
        let options = GetOptions::new().with_range(format!("{LOG}/entry0")).with_limit(5_000);
        let page = cluster
            .ask(0, async |client| client.get(key.clone(), Some(options.clone())).await)
            .await?;
        for pair in page.kvs() {
            index += 1;
            if pair.key() != format!("{LOG}/entry/{index:020}").as_bytes() {
                return Err(format!("entry {index} is missing"));
            }
            let line = String::from_utf8_lossy(pair.value());
            let writer = (0..due.len()).find(|writer| entry(*writer, due[*writer]) == line);
            let writer =
                writer.ok_or(format!("entry {index} is not the next of a writer: {line}"))?;
            due[writer] += 1;
        }
        if !page.more() {
            break;
        }
    }
    if due != sent {
        return Err(format!("the writers were sent {sent:?} lines, the log has {due:?}"));
    }
    Ok(index)
}

/// Writes two entries as no writer does, the second first: a follower that watches sees a gap.
/// Returns the index of the last entry.
async fn leave_a_gap_for_a_while(cluster: &Cluster, head: u64) -> Outcome<u64> {
    let last = (head / EVERY + 1) * EVERY;
    let put = async |key: String, value: String| {
        cluster.ask(0, async |client| client.put(key.clone(), value.clone(), None).await).await
    };
    // No entry is beyond the head.
    put(format!("{LOG}/head"), last.to_string()).await?;
    for index in (head + 1..=last - 2).chain([last, last - 1]) {
        put(format!("{LOG}/entry/{index:020}"), format!("put raw {index}")).await?;
        if index == last {
            sleep(Duration::from_millis(300)).await;
        }
    }
    Ok(last)
}

/// Waits until the three followers have published the same at the index.
async fn await_checkpoints(cluster: &Cluster, index: u64) -> Outcome<()> {
    let key = format!("{LOG}/checkpoint/{index:020}/");
    let options = GetOptions::new().with_prefix();
    let found = Mutex::new(Vec::new());
    let published = eventually("checkpoints of three followers", async || {
        let request =
            async |client: &mut Client| client.get(key.clone(), Some(options.clone())).await;
        let pairs = cluster.ask(0, request).await.ok()?;
        let values = pairs.kvs().iter().map(|pair| pair.value().to_vec()).collect::<Vec<_>>();
        found.lock().expect("nothing panics with the lock").clone_from(&values);
        (values.len() == FOLLOWERS.len()).then_some(values)
    });
    let values = published.await.map_err(|reason| {
        let found = found.lock().expect("nothing panics with the lock").len();
        format!("{reason}; {found} of them at index {index}")
    })?;
    let first = String::from_utf8_lossy(&values[0]);
    if values.iter().any(|value| *value != values[0]) {
        return Err(format!("the checkpoints at {index} differ; one is {first}"));
    }
    println!("live: rust, go and cpp at {index}: {first}");
    Ok(())
}

/// Checks that each way to recover was taken. The followers print, such as: `3 gaps`.
fn check_recoveries(printed: &str) -> Outcome<()> {
    let ways = ["gap", "cancelled watch", "compaction", "silence"];
    let counts = ways.map(|way| {
        let count = |line: &str| {
            let before = line.split_once(&format!(" {way}"))?.0;
            before.rsplit(|c: char| !c.is_ascii_digit()).next()?.parse::<u64>().ok()
        };
        printed.lines().filter_map(count).sum::<u64>()
    });
    let shown: Vec<_> =
        ways.iter().zip(counts).map(|(way, count)| format!("{way} {count}")).collect();
    println!("live: ways back to the range: {}", shown.join(", "));
    match ways.iter().zip(counts).find(|(_, count)| *count == 0) {
        Some((way, _)) => Err(format!("no follower met a {way}; they printed\n{printed}")),
        None => Ok(()),
    }
}
