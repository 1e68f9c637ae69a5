//! The entries of a log, dense and in order.

use std::time::Duration;

use etcd_client::GetOptions;
use tokio::time::{Instant, sleep};
use tracing::warn;

use crate::connection::Connection;
use crate::error::LiveError;
use crate::keys::LogName;
use crate::pairs::{Keys, Pair, Pairs};
use crate::recoveries::Recoveries;

/// The pause before the range is read again for a missing entry; it doubles from time to time.
const PAUSE_MIN: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_millis(500);
/// How long an entry may be missing in the range until that is reported, or is an error if it is
/// the first one.
const MISSING_TIME_MAX: Duration = Duration::from_secs(5);

/// An entry of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its index, from 1.
    pub index: u64,
    /// The command line, without LF.
    pub line: Vec<u8>,
}

/// The entries of a log from an index on, as they are appended. Each is returned once, and none is
/// left out.
pub struct Entries {
    log: LogName,
    pairs: Pairs,
    /// For single keys, while `pairs` has a connection of its own.
    keys: Connection,
    first: u64,
    /// The index of the next entry.
    next: u64,
    /// The greatest revision of the entries that were returned.
    newest: i64,
    gap: Option<Gap>,
}

/// An entry that is not there although a later one is.
struct Gap {
    since: Instant,
    pause: Duration,
    is_reported: bool,
}

impl Entries {
    /// Begins to read a log from the index `first` on. This needs a runtime of tokio.
    #[must_use]
    pub fn open(connection: Connection, log: LogName, first: u64) -> Self {
        Self::with_silence_time(connection, log, first, Pairs::SILENCE_TIME)
    }

    /// Begins to read a log. A watch is checked when it was silent for this time.
    #[must_use]
    pub fn with_silence_time(
        connection: Connection,
        log: LogName,
        first: u64,
        silence_time: Duration,
    ) -> Self {
        let keys = Connection::new(connection.access().clone());
        let range = log.entries_from(1);
        let start = log.entry(first).into_bytes();
        let pairs =
            Pairs::open_from(connection, range, start, Keys::Entries(log.clone()), silence_time);
        Self { log, pairs, keys, first, next: first, newest: 0, gap: None }
    }

    /// Waits for the next entries and returns them; at least one.
    ///
    /// # Errors
    ///
    /// etcd cannot be used, the first entry has been removed, an entry has been replaced, or the
    /// interrupt is raised.
    pub async fn next(&mut self) -> Result<Vec<Entry>, LiveError> {
        loop {
            if self.gap.is_some() {
                self.pairs.again(self.log.entry(self.next).into_bytes()).await;
            }
            let pairs = self.pairs.next().await?;
            let (entries, is_gap) = self.take(pairs)?;
            if is_gap && entries.is_empty() && self.gap.is_some() {
                self.await_missing().await?;
            } else if is_gap {
                self.pairs.count_gap();
                let (since, pause) = (Instant::now(), PAUSE_MIN);
                self.gap = Some(Gap { since, pause, is_reported: false });
            } else {
                self.gap = None;
            }
            if !entries.is_empty() {
                return Ok(entries);
            }
        }
    }

    /// Checks that the log has an entry.
    ///
    /// # Errors
    ///
    /// It has not, or etcd cannot be used.
    pub async fn check_has(&mut self, index: u64) -> Result<(), LiveError> {
        let (key, options) = (self.log.entry(index), GetOptions::new().with_count_only());
        let read = self.keys.repeat(async |client| client.get(&*key, Some(options.clone())).await);
        let read = read.await.map_err(|trouble| self.keys.failed(trouble))?;
        if read.count() == 0 {
            return Err(self.error(format!(
                "entry {index} is not there: the checkpoints there are not of this log's entries"
            )));
        }
        Ok(())
    }

    /// Returns how often reading had to begin again.
    #[must_use]
    pub fn recoveries(&self) -> Recoveries {
        self.pairs.recoveries()
    }

    /// Takes the next entries from pairs, and reports whether one is missing after them.
    fn take(&mut self, pairs: Vec<Pair>) -> Result<(Vec<Entry>, bool), LiveError> {
        let mut entries = Vec::with_capacity(pairs.len());
        for pair in pairs {
            let Some(index) = self.log.index_of_entry(&pair.key) else {
                let key = pair.key.escape_ascii();
                return Err(self.error(format!("the key {key} is that of no entry: remove it")));
            };
            if index > self.next {
                return Ok((entries, true));
            }
            if index < self.next {
                // After a recovery, entries come again as they were.
                if pair.revision > self.newest {
                    return Err(self.error(format!(
                        "entry {index} was put again: the log was changed or begun anew; follow it \
                         from its beginning, with --anew"
                    )));
                }
                continue;
            }
            if pair.value.contains(&b'\n') {
                return Err(self.error(format!(
                    "entry {index} holds a line end, so that it is no command line"
                )));
            }
            self.next += 1;
            self.newest = self.newest.max(pair.revision);
            entries.push(Entry { index, line: pair.value });
        }
        Ok((entries, false))
    }

    /// Waits before the range is read again for an entry that is missing in it.
    async fn await_missing(&mut self) -> Result<(), LiveError> {
        let Some(gap) = &mut self.gap else { return Ok(()) };
        let pause = gap.pause;
        gap.pause = (pause * 2).min(PAUSE_MAX);
        if gap.since.elapsed() < MISSING_TIME_MAX || gap.is_reported {
            sleep(pause).await;
            return Ok(());
        }
        gap.is_reported = true;
        let head = read_head(&mut self.keys, &self.log).await?;
        let next = self.next;
        let reason = format!("entry {next} is missing although the head is {head}");
        if next == self.first {
            return Err(
                self.error(format!("{reason}: its beginning was removed, and a follower needs it"))
            );
        }
        warn!("{reason}");
        Ok(())
    }

    fn error(&self, reason: impl Into<String>) -> LiveError {
        LiveError::Log { log: self.log.to_string(), reason: reason.into() }
    }
}

/// Returns the index of the log's last entry; 0 if it has none.
///
/// # Errors
///
/// etcd cannot be used, or the key of the head does not hold an index.
pub(crate) async fn read_head(
    connection: &mut Connection,
    log: &LogName,
) -> Result<u64, LiveError> {
    let read = connection.repeat(async |client| client.get(log.head(), None).await).await;
    let answer = read.map_err(|trouble| connection.failed(trouble))?;
    let Some(pair) = answer.kvs().first() else { return Ok(0) };
    let head = str::from_utf8(pair.value()).ok().and_then(|text| text.parse().ok());
    head.ok_or_else(|| LiveError::Log {
        log: log.to_string(),
        reason: format!("the key {} does not hold an index", log.head()),
    })
}
