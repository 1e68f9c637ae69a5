//! Appending lines to a log, each exactly once.
//!
//! # The invariant
//!
//! A writer has a record in etcd: how many lines have been appended in its name, and the token of the
//! process that appends. A batch is one transaction. It replaces the record and the head, and its
//! guard names the revisions of both.
//!
//! *When a batch is sent, no earlier transaction of this writer can change the log any more.* Each
//! was either answered, or ended by a renewal: a transaction that replaces the record by an equal
//! one, if the record still has the revision that the batch's guard names. If the renewal is done, the
//! record has a new revision, and a batch with the old one has not landed and never will, however
//! late it arrives. If the renewal is refused, the record that it returns has changed: it counts the
//! lines of the batch, so that the batch has landed, or it has another token.
//!
//! A renewal whose own outcome is unknown may be made again with the same guard. If the first one was
//! carried out, the second is refused, and the record that it returns counts no more lines.
//!
//! Opening a writer renews the record with a new token, so that batches of the process before it can
//! no longer land, and that process sees that it is not the last one.

use std::time::Duration;

use etcd_client::{Compare, CompareOp, KeyValue, Txn, TxnOp, TxnOpResponse, TxnResponse};
use tracing::debug;

use crate::connection::{Connection, Trouble};
use crate::error::LiveError;
use crate::keys::{LogName, check_name};

/// etcd's limit is 128 operations a transaction; two of them are the head and the record.
const ENTRIES_MAX: usize = 126;
/// etcd's limit is 1.5 MiB a request. The rest is for the guard, the head and the record.
const BATCH_LENGTH_MAX: usize = 1_433_600;
/// An entry is longer than its line: a key of up to 227 bytes, and lengths and tags.
const ENTRY_OVERHEAD: usize = 300;
/// How often a batch is sent that etcd does not answer although it answers renewals.
const ATTEMPTS_MAX: u32 = 10;
/// How often in a row a batch is sent at once after another writer was first.
const LOSSES_AT_ONCE: u32 = 3;
/// The longest pause after another writer was first, in microseconds.
const LOSS_PAUSE_MAX: u64 = 32_000;
/// How long an interrupted writer tries to settle its batch.
const SETTLE_TIME: Duration = Duration::from_secs(5);

/// A writer of a log. It has one batch in flight at a time.
pub struct Writer {
    connection: Connection,
    log: LogName,
    name: String,
    /// Whether the record stays when the writer is closed.
    keeps_record: bool,
    token: String,
    /// The number of lines that have been appended in this name.
    lines: u64,
    record_revision: i64,
    head: Head,
    /// The number of lines of a batch whose outcome is not known.
    unsettled: u64,
    appended: Appended,
}

/// The lines that a writer has appended since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// The number of lines.
    pub lines: u64,
    /// The number of transactions.
    pub transactions: u64,
    /// The index of the first line; 0 if there is none.
    pub first: u64,
    /// The index of the last line; 0 if there is none. The lines of other writers may be between the
    /// two.
    pub last: u64,
}

/// The end of the log. The revision is 0 if it has none.
#[derive(Clone, Copy, Debug, Default)]
struct Head {
    index: u64,
    revision: i64,
}

/// The record of a writer as it is in etcd.
#[derive(Debug)]
struct Record {
    lines: u64,
    token: String,
    revision: i64,
}

impl Writer {
    /// The length of the longest line, in bytes. With its key it fits into a request to etcd, whose
    /// default limit is 1.5 MiB.
    pub const LINE_LENGTH_MAX: usize = BATCH_LENGTH_MAX - ENTRY_OVERHEAD;
    /// The greatest number of lines in a transaction.
    pub const BATCH_LINES_MAX: usize = ENTRIES_MAX;

    /// Opens a writer. Another process that has this name open can append nothing from then on.
    /// Without a name it has a random one.
    ///
    /// # Errors
    ///
    /// The name is not one; it has appended lines, and `resume` is false; etcd cannot be used; a key
    /// of the log does not hold a writer's value.
    pub async fn open(
        connection: Connection,
        log: LogName,
        name: Option<String>,
        resume: bool,
    ) -> Result<Self, LiveError> {
        let failed = |reason| LiveError::Log { log: log.to_string(), reason };
        let keeps_record = name.is_some();
        let random = || random().map_err(failed);
        let name = name.map_or_else(|| Ok(format!("unnamed-{}", random()?)), Ok)?;
        check_name(&name).map_err(|reason| failed(format!("writer {name:?}: {reason}")))?;
        let token = random()?;
        let mut writer = Self {
            connection,
            log,
            name,
            keeps_record,
            token,
            lines: 0,
            record_revision: 0,
            head: Head::default(),
            unsettled: 0,
            appended: Appended::default(),
        };
        loop {
            let read = Txn::new().and_then(writer.gets());
            let answer = writer.repeat(read).await?;
            let (lines, revision) = match writer.adopt_head(&answer)? {
                None => (0, 0),
                Some(record) if record.lines > 0 && !resume => {
                    return Err(writer.has_appended(record.lines));
                }
                Some(record) => (record.lines, record.revision),
            };
            (writer.lines, writer.record_revision) = (lines, revision);
            match writer.renew().await? {
                None => return Ok(writer),
                // An earlier try of this renewal was carried out.
                Some(record) if record.token == writer.token => {
                    writer.record_revision = record.revision;
                    return Ok(writer);
                }
                Some(_) => {}
            }
        }
    }

    /// Returns the writer's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the number of lines that have been appended in this name: by this process, and by
    /// those before it that had the name open.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Returns the number of lines after those of [`Writer::lines`] of which it is not known whether
    /// they are in the log. It is 0 unless etcd could not be asked before [`Writer::append`] failed.
    #[must_use]
    pub fn unsettled(&self) -> u64 {
        self.unsettled
    }

    /// Returns the index of the last entry of the log, as far as this writer knows.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.head.index
    }

    /// Returns the counts of the lines and transactions since the writer was opened.
    #[must_use]
    pub fn appended(&self) -> Appended {
        self.appended
    }

    /// Appends lines in their order, each exactly once, in as many transactions as they need. The
    /// lines of a transaction have adjacent indexes.
    ///
    /// # Errors
    ///
    /// A line is longer than [`Writer::LINE_LENGTH_MAX`] or holds LF: the lines before it are
    /// appended. Another process has opened the writer's name. etcd cannot be used. The interrupt was
    /// raised: the batch in flight is settled before the return, if etcd answers within five seconds.
    ///
    /// [`Writer::lines`] and [`Writer::unsettled`] report which lines are in the log. After an error
    /// nothing more is to be appended.
    pub async fn append(&mut self, lines: &[Vec<u8>]) -> Result<(), LiveError> {
        let outcome = self.append_batches(lines).await;
        if matches!(outcome, Err(LiveError::Interrupted)) && self.unsettled > 0 {
            self.connection.shield(SETTLE_TIME);
            if let Err(error) = self.settle().await {
                debug!(%error, "the batch in flight is not settled");
            }
        }
        outcome
    }

    /// Ends the writer. The record of a random name is removed, in spite of an interrupt, if etcd does
    /// that at once.
    pub async fn close(mut self) {
        if self.keeps_record {
            return;
        }
        self.connection.shield(SETTLE_TIME);
        let key = self.log.writer(&self.name);
        let txn = Txn::new()
            .when([has_revision(key.clone(), self.record_revision)])
            .and_then([TxnOp::delete(key, None)]);
        if let Err(trouble) = self.send(txn).await {
            debug!(?trouble, writer = self.name, "the record of the writer stays");
        }
    }

    async fn append_batches(&mut self, lines: &[Vec<u8>]) -> Result<(), LiveError> {
        let mut rest = lines;
        while let Some(first) = rest.first() {
            if first.len() > Self::LINE_LENGTH_MAX {
                let (number, length) = (self.lines.saturating_add(1), first.len());
                let limit = Self::LINE_LENGTH_MAX;
                return Err(self.failed(format!(
                    "line {number} has {length} bytes; a request to etcd takes {limit}"
                )));
            }
            let batch = rest[..batch_size(rest)].iter();
            let count = batch.take_while(|line| !line.contains(&b'\n')).count();
            if count == 0 {
                let number = self.lines.saturating_add(1);
                return Err(self.failed(format!("line {number} holds a line end")));
            }
            let (batch, others) = rest.split_at(count);
            self.append_batch(batch).await?;
            rest = others;
        }
        Ok(())
    }

    async fn append_batch(&mut self, lines: &[Vec<u8>]) -> Result<(), LiveError> {
        let (mut attempts, mut losses) = (0, 0);
        loop {
            let batch = self.batch(lines)?;
            self.unsettled = lines.len() as u64;
            let outcome = self.send(batch).await;
            let reason = match outcome {
                Ok(answer) if answer.succeeded() => {
                    self.has_landed(revision(&answer));
                    return Ok(());
                }
                Ok(answer) => {
                    let sent_at = self.head;
                    let record = self.adopt_head(&answer)?;
                    if self.adopt_record(record, sent_at)? {
                        return Ok(());
                    }
                    losses += 1;
                    pause_after_loss(losses).await;
                    continue;
                }
                // A request that etcd refuses has no effect.
                Err(trouble @ Trouble::Refused(_)) => {
                    self.unsettled = 0;
                    return Err(self.connection.failed(trouble));
                }
                Err(Trouble::Interrupted) => return Err(LiveError::Interrupted),
                Err(trouble) => self.connection.failed(trouble),
            };
            debug!(%reason, head = self.head.index, "a batch was not answered");
            if self.settle().await? {
                return Ok(());
            }
            attempts += 1;
            if attempts == ATTEMPTS_MAX {
                return Err(reason);
            }
        }
    }

    /// Returns the transaction that appends lines behind the head.
    fn batch(&self, lines: &[Vec<u8>]) -> Result<Txn, LiveError> {
        let count = lines.len() as u64;
        let full = || self.failed("it is full: its indexes are those below 2^64".into());
        let last = self.head.index.checked_add(count).ok_or_else(full)?;
        let total = self.lines.checked_add(count).ok_or_else(full)?;
        let mut puts = Vec::with_capacity(lines.len() + 2);
        for (index, line) in (self.head.index + 1..).zip(lines) {
            puts.push(TxnOp::put(self.log.entry(index), line.clone(), None));
        }
        puts.push(TxnOp::put(self.log.head(), last.to_string(), None));
        puts.push(self.put_record(total));
        let guard = [
            has_revision(self.log.head(), self.head.revision),
            has_revision(self.log.writer(&self.name), self.record_revision),
        ];
        Ok(Txn::new().when(guard).and_then(puts).or_else(self.gets()))
    }

    /// Ends the batch in flight, and reports whether it has landed.
    async fn settle(&mut self) -> Result<bool, LiveError> {
        let sent_at = self.head;
        match self.renew().await? {
            None => {
                self.unsettled = 0;
                Ok(false)
            }
            Some(record) => self.adopt_record(Some(record), sent_at),
        }
    }

    /// Replaces the record by an equal one with this process's token. If it has another revision than
    /// it is known to have, it stays, and is returned.
    async fn renew(&mut self) -> Result<Option<Record>, LiveError> {
        let get_head = TxnOp::get(self.log.head(), None);
        let renewal = Txn::new()
            .when([has_revision(self.log.writer(&self.name), self.record_revision)])
            .and_then([get_head, self.put_record(self.lines)])
            .or_else(self.gets());
        let answer = self.repeat(renewal).await?;
        let record = self.adopt_head(&answer)?;
        if answer.succeeded() {
            self.record_revision = revision(&answer);
            return Ok(None);
        }
        record.ok_or_else(|| self.record_is_gone()).map(Some)
    }

    /// Takes over a record that has another revision than was known, or the same after another writer
    /// moved the head. Reports whether it counts the batch in flight, which was sent behind `sent_at`.
    fn adopt_record(&mut self, record: Option<Record>, sent_at: Head) -> Result<bool, LiveError> {
        let record = record.ok_or_else(|| self.record_is_gone())?;
        if record.token != self.token {
            (self.lines, self.unsettled) = (record.lines, 0);
            return Err(LiveError::Replaced {
                log: self.log.to_string(),
                writer: self.name.clone(),
            });
        }
        match record.lines.checked_sub(self.lines) {
            Some(0) => {
                (self.record_revision, self.unsettled) = (record.revision, 0);
                Ok(false)
            }
            Some(count) if count == self.unsettled => {
                let head = self.head;
                self.head = sent_at;
                self.has_landed(record.revision);
                // Others may have appended since.
                if head.revision > self.head.revision {
                    self.head = head;
                }
                Ok(true)
            }
            _ => Err(self.failed(format!(
                "the key {} counts {} lines, which this writer has not written",
                self.log.writer(&self.name),
                record.lines
            ))),
        }
    }

    /// Counts the batch in flight, which etcd has carried out at a revision.
    fn has_landed(&mut self, revision: i64) {
        let count = std::mem::take(&mut self.unsettled);
        let first = self.head.index + 1;
        self.head = Head { index: self.head.index + count, revision };
        self.record_revision = revision;
        self.lines += count;
        self.appended.lines += count;
        self.appended.transactions += 1;
        self.appended.last = self.head.index;
        if self.appended.first == 0 {
            self.appended.first = first;
        }
    }

    /// Makes the head of an answer the known one, and returns the answer's record.
    fn adopt_head(&mut self, answer: &TxnResponse) -> Result<Option<Record>, LiveError> {
        let responses = answer.op_responses();
        let (head, record) = (self.log.head(), self.log.writer(&self.name));
        self.head = pair(&responses, &head)
            .map(|pair| Head::parse(pair).ok_or_else(|| self.is_strange(&head)))
            .transpose()?
            .unwrap_or_default();
        let record = pair(&responses, &record)
            .map(|pair| Record::parse(pair).ok_or_else(|| self.is_strange(&record)));
        record.transpose()
    }

    async fn send(&mut self, txn: Txn) -> Result<TxnResponse, Trouble> {
        self.connection.once(async |client| client.txn(txn).await).await
    }

    async fn repeat(&mut self, txn: Txn) -> Result<TxnResponse, LiveError> {
        let answer = self.connection.repeat(async |client| client.txn(txn.clone()).await).await;
        answer.map_err(|trouble| self.connection.failed(trouble))
    }

    fn gets(&self) -> [TxnOp; 2] {
        [self.log.head(), self.log.writer(&self.name)].map(|key| TxnOp::get(key, None))
    }

    fn put_record(&self, lines: u64) -> TxnOp {
        TxnOp::put(self.log.writer(&self.name), format!("{lines} {}", self.token), None)
    }

    fn failed(&self, reason: String) -> LiveError {
        LiveError::Log { log: self.log.to_string(), reason }
    }

    fn has_appended(&self, lines: u64) -> LiveError {
        self.failed(format!(
            "writer {} has appended {lines} lines; --resume skips as many of the input, and another \
             name begins anew",
            self.name
        ))
    }

    fn record_is_gone(&self) -> LiveError {
        self.failed(format!("the key {} was deleted", self.log.writer(&self.name)))
    }

    fn is_strange(&self, key: &str) -> LiveError {
        self.failed(format!("the key {key} does not hold a writer's value"))
    }
}

impl Head {
    fn parse(pair: &KeyValue) -> Option<Self> {
        let index = pair.value_str().ok()?.parse().ok()?;
        Some(Self { index, revision: pair.mod_revision() })
    }
}

impl Record {
    fn parse(pair: &KeyValue) -> Option<Self> {
        let (lines, token) = pair.value_str().ok()?.split_once(' ')?;
        let (lines, token) = (lines.parse().ok()?, token.to_owned());
        Some(Self { lines, token, revision: pair.mod_revision() })
    }
}

/// Returns how many of the lines, of which the first is short enough, go into one transaction.
fn batch_size(lines: &[Vec<u8>]) -> usize {
    let lengths = lines.iter().take(ENTRIES_MAX).scan(0, |length, line| {
        *length += line.len() + ENTRY_OVERHEAD;
        Some(*length)
    });
    lengths.take_while(|length| *length <= BATCH_LENGTH_MAX).count()
}

/// Waits after another writer was first. A try at once has the best chance, since both writers learn
/// the head at the same time; but if many writers do so, most transactions are in vain.
async fn pause_after_loss(losses: u32) {
    if losses.is_multiple_of(LOSSES_AT_ONCE + 1) {
        let limit = 2_u64.saturating_pow(losses).saturating_mul(1_000).min(LOSS_PAUSE_MAX);
        let random = getrandom::u64().unwrap_or_default();
        tokio::time::sleep(Duration::from_micros(random % limit)).await;
    }
}

fn has_revision(key: String, revision: i64) -> Compare {
    Compare::mod_revision(key, CompareOp::Equal, revision)
}

/// Returns the revision at which a transaction with puts was carried out.
fn revision(answer: &TxnResponse) -> i64 {
    answer.header().map_or(0, etcd_client::ResponseHeader::revision)
}

/// Returns the pair of a key that was got.
fn pair<'a>(responses: &'a [TxnOpResponse], key: &str) -> Option<&'a KeyValue> {
    responses.iter().find_map(|response| {
        let TxnOpResponse::Get(got) = response else { return None };
        got.kvs().first().filter(|pair| pair.key() == key.as_bytes())
    })
}

/// Returns 16 random hex digits.
fn random() -> Result<String, String> {
    let number = getrandom::u64().map_err(|error| format!("no random numbers: {error}"))?;
    Ok(format!("{number:016x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_within_the_limits_of_etcd() {
        let lines = |count, length| vec![vec![b'x'; length]; count];
        assert_eq!(batch_size(&lines(1, Writer::LINE_LENGTH_MAX)), 1);
        assert_eq!(batch_size(&lines(2, Writer::LINE_LENGTH_MAX)), 1);
        assert_eq!(batch_size(&lines(ENTRIES_MAX, 1)), ENTRIES_MAX);
        assert_eq!(batch_size(&lines(ENTRIES_MAX + 1, 1)), ENTRIES_MAX);
        let half = BATCH_LENGTH_MAX / 2 - ENTRY_OVERHEAD;
        assert_eq!(batch_size(&lines(9, half)), 2);
        assert_eq!(batch_size(&lines(9, half + 1)), 1);
    }
}
