//! Comparing the checkpoints of all followers of a log while they come.

use std::collections::{BTreeMap, VecDeque};

use etcd_client::{GetOptions, KeyValue, SortOrder, SortTarget};

use crate::agreement::{Agreement, Difference, IsSame, Row, Standing, Taken};
use crate::checkpoint::Checkpoint;
use crate::connection::Connection;
use crate::error::LiveError;
use crate::keys::{KeyRange, LogName};
use crate::pairs::{MESSAGE_BYTES_MAX, Pair, Pairs};

/// How many keys are read at once.
const PAGE_KEYS_MAX: i64 = 1_000;
/// How many checkpoints are read at once. With etcd's limit of 1.5 MiB for each they fit into a
/// message.
const PAGE_CHECKPOINTS_MAX: i64 = 10;

/// The auditor of a log: it compares the checkpoints of its followers.
///
/// Followers agree at an index if all that have a checkpoint there have the same one. A follower that
/// lags, or does not follow any more, is no difference.
pub struct Auditor<S> {
    connection: Connection,
    log: LogName,
    pairs: Pairs,
    /// Checkpoints that have come and were not compared.
    waiting: VecDeque<Pair>,
    agreement: Agreement<S>,
    /// The last index that counts, if there is one.
    end: Option<u64>,
}

/// Followers that do not agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// The index.
    pub index: u64,
    /// The last index before it at which these followers have checkpoints, which agree.
    pub agreed: Option<u64>,
    /// The followers with a checkpoint at the index.
    pub followers: Row,
    /// The first difference between their checkpoints.
    pub difference: Difference,
}

impl<S: IsSame> Auditor<S> {
    /// Begins to audit a log whose settings have these observers. Two different answers to an
    /// observer are the same if `is_same` reports so. This needs a runtime of tokio.
    #[must_use]
    pub fn open(connection: Connection, log: LogName, observers: Vec<String>, is_same: S) -> Self {
        let own = Connection::new(connection.access().clone());
        let range = log.checkpoints_from(0);
        let pairs = Pairs::open(connection, range);
        let agreement = Agreement::new(observers, is_same);
        Self { connection: own, log, pairs, waiting: VecDeque::new(), agreement, end: None }
    }

    /// Waits until there are checkpoints to compare. Dropping the future loses none.
    ///
    /// # Errors
    ///
    /// etcd cannot be used, or the interrupt is raised.
    pub async fn ready(&mut self) -> Result<(), LiveError> {
        if self.waiting.is_empty() {
            self.waiting.extend(self.pairs.next().await?);
        }
        Ok(())
    }

    /// Waits for checkpoints and compares them. Returns the first drift, or `None` if all that have
    /// come agree. Dropping the future loses no checkpoint, but some may be read from etcd again.
    ///
    /// # Errors
    ///
    /// etcd cannot be used, a key does not hold a checkpoint, or the interrupt is raised.
    pub async fn next(&mut self) -> Result<Option<Drift>, LiveError> {
        self.ready().await?;
        while let Some(pair) = self.waiting.front().cloned() {
            let drift = self.compare(&pair).await?;
            self.waiting.pop_front();
            if drift.is_some() {
                return Ok(drift);
            }
        }
        Ok(None)
    }

    /// Returns how far each follower has come.
    pub fn followers(&self) -> &BTreeMap<String, Standing> {
        self.agreement.followers()
    }

    /// Returns the checkpoints of an index that have come; `None` if there are none, or they are no
    /// longer kept.
    pub fn checkpoints(&self, index: u64) -> Option<&Row> {
        self.agreement.row(index)
    }

    /// Compares no checkpoint after an index from now on, and notes which followers have come to it.
    pub fn end_at(&mut self, index: u64) {
        self.end = Some(index);
        self.agreement.note(index);
    }

    /// Returns the followers that have a checkpoint at the index of [`Auditor::end_at`]. They agree.
    pub fn at_end(&self) -> impl Iterator<Item = &str> {
        self.agreement.noted()
    }

    async fn compare(&mut self, pair: &Pair) -> Result<Option<Drift>, LiveError> {
        let Some((index, follower)) = self.log.place_of_checkpoint(&pair.key) else {
            return Err(self.no_checkpoint(&pair.key));
        };
        if self.end.is_some_and(|end| index > end) {
            return Ok(None);
        }
        let checkpoint = self.parse(&pair.key, &pair.value)?;
        if self.agreement.take(index, &follower, checkpoint) == Taken::Agreed {
            return Ok(None);
        }
        // The others may have been dropped, or replaced by later ones since they came.
        let row = self.read_row(index).await?;
        let Some(difference) = self.agreement.take_row(index, &row) else { return Ok(None) };
        self.drift(index, row, difference).await.map(Some)
    }

    /// Returns the drift of a row, or an earlier one of its followers: they may have published since
    /// the row's first checkpoints came, so that their checkpoints before were not compared yet.
    async fn drift(
        &mut self,
        mut index: u64,
        mut row: Row,
        mut difference: Difference,
    ) -> Result<Drift, LiveError> {
        loop {
            let agreed = self.last_in_common(index, &row).await?;
            if let Some(before) = agreed {
                let earlier = self.read_row(before).await?;
                if let Some(other) = self.agreement.take_row(before, &earlier) {
                    (index, row, difference) = (before, earlier, other);
                    continue;
                }
            }
            return Ok(Drift { index, agreed, followers: row, difference });
        }
    }

    fn parse(&self, key: &[u8], value: &[u8]) -> Result<Checkpoint, LiveError> {
        Checkpoint::parse(&self.log.to_string(), &String::from_utf8_lossy(key), value)
    }

    fn no_checkpoint(&self, key: &[u8]) -> LiveError {
        let key = key.escape_ascii();
        LiveError::Log {
            log: self.log.to_string(),
            reason: format!("{key} is no checkpoint's key"),
        }
    }

    /// Reads the checkpoints of an index.
    async fn read_row(&mut self, index: u64) -> Result<Row, LiveError> {
        let range = self.log.checkpoints_of(index);
        let mut row = Row::new();
        let mut start = range.0.clone();
        loop {
            let options = GetOptions::new().with_limit(PAGE_CHECKPOINTS_MAX);
            let (page, has_more) = self.page((start, range.1.clone()), options).await?;
            for pair in &page {
                let place = self.log.place_of_checkpoint(pair.key());
                let (_, follower) = place.ok_or_else(|| self.no_checkpoint(pair.key()))?;
                row.insert(follower, self.parse(pair.key(), pair.value())?);
            }
            match page.last() {
                Some(last) if has_more => {
                    start = format!("{}\0", String::from_utf8_lossy(last.key()));
                }
                _ => return Ok(row),
            }
        }
    }

    /// Returns the last index before this one at which all followers of the row have a checkpoint.
    async fn last_in_common(&mut self, index: u64, row: &Row) -> Result<Option<u64>, LiveError> {
        let (start, mut end) = (self.log.checkpoints_of(0).0, self.log.checkpoints_of(index).0);
        let mut present = (0, 0);
        loop {
            let options = GetOptions::new()
                .with_limit(PAGE_KEYS_MAX)
                .with_keys_only()
                .with_sort(SortTarget::Key, SortOrder::Descend);
            let (page, has_more) = self.page((start.clone(), end), options).await?;
            for pair in &page {
                let Some((place, follower)) = self.log.place_of_checkpoint(pair.key()) else {
                    continue;
                };
                let before = if present.0 == place { present.1 } else { 0 };
                present = (place, before + usize::from(row.contains_key(&follower)));
                if present.1 == row.len() {
                    return Ok(Some(place));
                }
            }
            match page.last() {
                Some(last) if has_more => end = String::from_utf8_lossy(last.key()).into(),
                _ => return Ok(None),
            }
        }
    }

    /// Returns the first pairs of a range, and whether there are more.
    async fn page(
        &mut self,
        range: KeyRange,
        options: GetOptions,
    ) -> Result<(Vec<KeyValue>, bool), LiveError> {
        let options = options.with_range(range.1);
        let read = self.connection.repeat(async |client| {
            let mut client = client.kv_client().max_decoding_message_size(MESSAGE_BYTES_MAX);
            client.get(range.0.clone(), Some(options.clone())).await
        });
        let read = read.await;
        let mut page = read.map_err(|trouble| self.connection.failed(trouble))?;
        let has_more = page.more();
        Ok((page.take_kvs(), has_more))
    }
}
