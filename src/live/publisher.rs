//! The checkpoints of one follower in etcd.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use etcd_client::{Compare, CompareOp, GetOptions, Txn, TxnOp, TxnOpResponse};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::checkpoint::Checkpoint;
use crate::connection::Connection;
use crate::error::LiveError;
use crate::keys::LogName;

/// How many checkpoints wait, and how many are published at once.
const WAITING_MAX: usize = 64;
const AT_ONCE_MAX: usize = 32;
/// How long a checkpoint waits for others.
const GATHER_TIME: Duration = Duration::from_millis(50);
/// How many bytes are published at once, but for the last checkpoint of them. etcd takes requests of
/// up to 1.5 MiB.
const BYTES_MAX: usize = 512 << 10;
/// How many keys are asked for at once.
const KEYS_MAX: i64 = 5_000;
/// How many keys are deleted at once; etcd takes 128 operations.
const DELETED_MAX: usize = 100;

/// A checkpoint and its index.
pub(crate) type Indexed = (u64, Checkpoint);

/// The part of a follower that publishes its checkpoints.
pub(crate) struct Publisher {
    pub(crate) log: LogName,
    pub(crate) follower: String,
    /// Whether other bytes are another answer.
    pub(crate) is_exact: bool,
}

/// How much has been published.
#[derive(Debug, Default)]
pub(crate) struct Published {
    /// The number of checkpoints, with those that were there before.
    pub(crate) count: AtomicU64,
    /// The index of the last one; 0 before the first.
    pub(crate) last: AtomicU64,
}

impl Publisher {
    /// Returns the queue of [`Publisher::publish`]. It waits while many wait.
    pub(crate) fn queue() -> (mpsc::Sender<Indexed>, mpsc::Receiver<Indexed>) {
        mpsc::channel(WAITING_MAX)
    }

    /// Publishes the checkpoints of the queue, each with its index, until there are no more.
    ///
    /// # Errors
    ///
    /// etcd cannot be used, or there is another checkpoint at one of the indexes. Some may have been
    /// published.
    pub(crate) async fn publish(
        &self,
        connection: &mut Connection,
        mut queue: mpsc::Receiver<Indexed>,
        published: &Published,
    ) -> Result<(), LiveError> {
        let mut waiting = Vec::new();
        loop {
            if waiting.is_empty() && queue.recv_many(&mut waiting, AT_ONCE_MAX).await == 0 {
                return Ok(());
            }
            gather(&mut queue, &mut waiting).await;
            let rest = waiting.split_off(count_at_once(&waiting));
            let count = waiting.len() as u64;
            let last = waiting.last().map_or(0, |(index, _)| *index);
            self.put(connection, waiting).await?;
            waiting = rest;
            published.count.fetch_add(count, Ordering::Relaxed);
            published.last.store(last, Ordering::Relaxed);
        }
    }

    /// Puts the checkpoints that are not there yet, each once.
    async fn put(
        &self,
        connection: &mut Connection,
        checkpoints: Vec<Indexed>,
    ) -> Result<(), LiveError> {
        let mut absent: BTreeMap<u64, Checkpoint> = checkpoints.into_iter().collect();
        while !absent.is_empty() {
            let keys: Vec<_> =
                absent.keys().map(|index| self.log.checkpoint(*index, &self.follower)).collect();
            let is_absent = |key: &String| Compare::version(key.clone(), CompareOp::Equal, 0);
            let puts = keys.iter().zip(absent.values());
            let puts = puts.map(|(key, own)| TxnOp::put(key.clone(), own.to_value(), None));
            let gets = keys.iter().map(|key| TxnOp::get(key.clone(), None));
            let txn = Txn::new()
                .when(keys.iter().map(is_absent).collect::<Vec<_>>())
                .and_then(puts.collect::<Vec<_>>())
                .or_else(gets.collect::<Vec<_>>());
            // If it was carried out without an answer, the next one finds the values.
            let answer = connection.repeat(async |client| client.txn(txn.clone()).await).await;
            let answer = answer.map_err(|trouble| connection.failed(trouble))?;
            if answer.succeeded() {
                return Ok(());
            }
            for response in answer.op_responses() {
                let TxnOpResponse::Get(response) = response else { continue };
                for pair in response.kvs() {
                    self.compare(pair, &mut absent)?;
                }
            }
        }
        Ok(())
    }

    /// Takes a checkpoint that is there from those that are to be put.
    fn compare(
        &self,
        pair: &etcd_client::KeyValue,
        absent: &mut BTreeMap<u64, Checkpoint>,
    ) -> Result<(), LiveError> {
        let key = String::from_utf8_lossy(pair.key());
        let Some((index, _)) = self.log.place_of_checkpoint(pair.key()) else { return Ok(()) };
        let Some(own) = absent.remove(&index) else { return Ok(()) };
        let log = self.log.to_string();
        let is_same = match (&own, Checkpoint::parse(&log, &key, pair.value())?) {
            (Checkpoint::Applied { .. }, Checkpoint::Applied { .. }) if !self.is_exact => true,
            // A program may fail in several ways at the same entry.
            (Checkpoint::Failed { .. }, Checkpoint::Failed { .. }) => true,
            (own, other) => *own == other,
        };
        if is_same { Ok(()) } else { Err(self.changed(&format!("other answers at index {index}"))) }
    }

    /// Returns the error of a program that does not repeat what it did.
    pub(crate) fn changed(&self, other: &str) -> LiveError {
        LiveError::Log {
            log: self.log.to_string(),
            reason: format!(
                "follower {} published {other} before: its program has changed, or it is not \
                 deterministic; --anew deletes its checkpoints and begins again",
                self.follower
            ),
        }
    }

    /// Returns the indexes of the follower's checkpoints.
    ///
    /// # Errors
    ///
    /// etcd cannot be used.
    pub(crate) async fn indexes(&self, connection: &mut Connection) -> Result<Vec<u64>, LiveError> {
        let (mut start, end) = self.log.checkpoints_from(0);
        let mut indexes = Vec::new();
        loop {
            let options =
                GetOptions::new().with_range(end.clone()).with_keys_only().with_limit(KEYS_MAX);
            let read = connection
                .repeat(async |client| client.get(start.clone(), Some(options.clone())).await)
                .await;
            let page = read.map_err(|trouble| connection.failed(trouble))?;
            let places = page.kvs().iter().map(|pair| self.log.place_of_checkpoint(pair.key()));
            let own = places.flatten().filter(|(_, follower)| *follower == self.follower);
            indexes.extend(own.map(|(index, _)| index));
            let Some(last) = page.kvs().last().filter(|_| page.more()) else { return Ok(indexes) };
            start = format!("{}\0", String::from_utf8_lossy(last.key()));
        }
    }

    /// Deletes the follower's checkpoints.
    ///
    /// # Errors
    ///
    /// etcd cannot be used. Some may have been deleted.
    pub(crate) async fn delete(&self, connection: &mut Connection) -> Result<(), LiveError> {
        let indexes = self.indexes(connection).await?;
        for indexes in indexes.chunks(DELETED_MAX) {
            let keys = indexes.iter().map(|index| self.log.checkpoint(*index, &self.follower));
            let deletes: Vec<_> = keys.map(|key| TxnOp::delete(key, None)).collect();
            let txn = Txn::new().and_then(deletes);
            let answer = connection.repeat(async |client| client.txn(txn.clone()).await).await;
            answer.map_err(|trouble| connection.failed(trouble))?;
        }
        Ok(())
    }
}

/// Waits a little for further checkpoints: several cost etcd hardly more than one.
async fn gather(queue: &mut mpsc::Receiver<Indexed>, waiting: &mut Vec<Indexed>) {
    let gathering = async {
        while waiting.len() < AT_ONCE_MAX {
            let left = AT_ONCE_MAX - waiting.len();
            if queue.recv_many(waiting, left).await == 0 {
                return;
            }
        }
    };
    // Those that it has after that time are published.
    let _ = timeout(GATHER_TIME, gathering).await;
}

/// Returns how many of the checkpoints fit into a request; at least one if there are any.
fn count_at_once(checkpoints: &[Indexed]) -> usize {
    let sizes = checkpoints.iter().map(|(_, checkpoint)| checkpoint.to_value().len());
    let sums = sizes.scan(0, |sum, size| {
        *sum += size;
        Some(*sum)
    });
    sums.take_while(|sum| *sum < BYTES_MAX).count().max(1).min(checkpoints.len())
}
