//! The pairs of a range of keys, as they come: those that are there by pages, later ones by a watch.
//!
//! A task reads ahead of the caller. It returns from the watch to the range whenever the watch may
//! have missed something: some versions of etcd skip events in silence (before 3.4.31 and 3.5.13).

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use etcd_client::{
    EventType, GetOptions, GetResponse, KeyValue, SortOrder, SortTarget, WatchFilterType,
    WatchOptions, WatchResponse, WatchStream,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::{debug, info};

use crate::connection::{Connection, Patience, Trouble, trouble};
use crate::error::LiveError;
use crate::keys::{KeyRange, LogName};
use crate::recoveries::Recoveries;

/// The longest message that is taken. Two wait for the caller, at most.
pub(crate) const MESSAGE_BYTES_MAX: usize = 16 << 20;
const WAITING_MAX: usize = 2;
/// A page has at most so many keys, and its next ones about so many bytes.
const PAGE_KEYS_MAX: i64 = 1_000;
const PAGE_BYTES: usize = 1 << 20;
/// The pause before the range is read again after a watch that has ended.
const PAUSE: Duration = Duration::from_millis(20);
/// How often a raised interrupt is looked for.
const INTERRUPT_TIME: Duration = Duration::from_millis(50);

/// A pair of key and value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The key.
    pub key: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
    /// The revision of etcd at which the pair was put.
    pub revision: i64,
}

/// The keys of a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// New ones are added anywhere.
    Any,
    /// They are those of a log's entries: new ones are added after those that are there. The range is
    /// read again from there on.
    Entries(LogName),
}

/// The pairs of a range of keys.
///
/// Each pair that is put and not deleted or replaced soon is returned at least once: first those that
/// are there, in the order of keys, then others, in the order of revisions. After a recovery some
/// come again.
pub struct Pairs {
    range: KeyRange,
    keys: Keys,
    silence_time: Duration,
    recoveries: Arc<Mutex<Recoveries>>,
    access: crate::access::Access,
    messages: mpsc::Receiver<Result<Vec<Pair>, LiveError>>,
    /// Returns the connection once `messages` is dropped.
    task: JoinHandle<Connection>,
}

impl Pairs {
    /// The default of the time without a message after which a watch is checked.
    pub(crate) const SILENCE_TIME: Duration = Duration::from_secs(1);

    /// Begins to read a range. This needs a runtime of tokio.
    pub(crate) fn open(connection: Connection, range: KeyRange) -> Self {
        let start = range.0.clone().into_bytes();
        Self::open_from(connection, range, start, Keys::Any, Self::SILENCE_TIME)
    }

    /// Begins to read a range from a key on. The whole range is watched, and the watch is checked
    /// when it was silent for `silence_time`.
    pub(crate) fn open_from(
        connection: Connection,
        range: KeyRange,
        start: Vec<u8>,
        keys: Keys,
        silence_time: Duration,
    ) -> Self {
        let access = connection.access().clone();
        let recoveries = Arc::default();
        let (messages, task) =
            Reader::spawn(connection, &range, start, keys.clone(), silence_time, &recoveries);
        Self { range, keys, silence_time, recoveries, access, messages, task }
    }

    /// Waits for pairs and returns them; at least one.
    ///
    /// # Errors
    ///
    /// etcd cannot be used, or the interrupt is raised.
    pub async fn next(&mut self) -> Result<Vec<Pair>, LiveError> {
        loop {
            if self.access.interrupt.is_raised() {
                return Err(LiveError::Interrupted);
            }
            match timeout(INTERRUPT_TIME, self.messages.recv()).await {
                Err(_) => {}
                Ok(Some(message)) => return message,
                // The task has returned its error before, or has panicked.
                Ok(None) => {
                    let endpoint = self.access.endpoints.join(",");
                    let reason = "reading has ended".into();
                    return Err(LiveError::Etcd { endpoint, reason });
                }
            }
        }
    }

    /// Reads the range again from `start` on. Pairs that were read ahead are dropped.
    pub(crate) async fn again(&mut self, start: Vec<u8>) {
        self.messages.close();
        while self.messages.try_recv().is_ok() {}
        let task = std::mem::replace(&mut self.task, tokio::spawn(std::future::pending()));
        // A task that has panicked has lost its connection, but not the access to etcd.
        let connection = task.await.unwrap_or_else(|_| Connection::new(self.access.clone()));
        self.task.abort();
        (self.messages, self.task) = Reader::spawn(
            connection,
            &self.range,
            start,
            self.keys.clone(),
            self.silence_time,
            &self.recoveries,
        );
    }

    /// Returns how often it had to return to the range.
    #[must_use]
    pub fn recoveries(&self) -> Recoveries {
        *lock(&self.recoveries)
    }

    /// Counts a gap that the caller has seen.
    pub(crate) fn count_gap(&self) {
        lock(&self.recoveries).gaps += 1;
    }
}

fn lock(recoveries: &Mutex<Recoveries>) -> MutexGuard<'_, Recoveries> {
    recoveries.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The task that reads.
struct Reader {
    connection: Connection,
    /// The range whose keys are watched.
    range: KeyRange,
    keys: Keys,
    silence_time: Duration,
    recoveries: Arc<Mutex<Recoveries>>,
    messages: mpsc::Sender<Result<Vec<Pair>, LiveError>>,
    /// The range is read from this key on.
    start: Vec<u8>,
    /// All that was put up to this revision has been returned.
    seen: i64,
    /// The greatest revision of which something was returned.
    newest: i64,
    /// How many keys the next page has at most.
    limit: i64,
    /// Whether there was an answer since the last lost connection.
    is_connected: bool,
}

/// The reason why reading ends.
enum End {
    Failed(LiveError),
    /// The caller does not want more.
    Dropped,
}

type Step<T> = Result<T, End>;

/// The revision that the pages of a sweep have, and the member that has it.
struct Pin {
    revision: i64,
    endpoint: String,
}

impl Reader {
    fn spawn(
        connection: Connection,
        range: &KeyRange,
        start: Vec<u8>,
        keys: Keys,
        silence_time: Duration,
        recoveries: &Arc<Mutex<Recoveries>>,
    ) -> (mpsc::Receiver<Result<Vec<Pair>, LiveError>>, JoinHandle<Connection>) {
        let (messages, received) = mpsc::channel(WAITING_MAX);
        let mut reader = Self {
            connection,
            range: range.clone(),
            keys,
            silence_time,
            recoveries: recoveries.clone(),
            messages: messages.clone(),
            start,
            seen: 0,
            newest: 0,
            limit: PAGE_KEYS_MAX,
            is_connected: false,
        };
        let task = tokio::spawn(async move {
            let end = tokio::select! {
                end = reader.read() => end,
                () = messages.closed() => End::Dropped,
            };
            if let End::Failed(error) = end {
                let _ = messages.send(Err(error)).await;
            }
            reader.connection
        });
        (received, task)
    }

    async fn read(&mut self) -> End {
        loop {
            let outcome = match self.sweep().await {
                Ok(Some(revision)) => self.watch(revision + 1).await,
                // The pages are of several revisions: something may have been put between them.
                Ok(None) => Ok(()),
                Err(end) => Err(end),
            };
            if let Err(end) = outcome {
                return end;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn is_ascending(&self) -> bool {
        self.keys != Keys::Any
    }

    fn count(&self, count: impl FnOnce(&mut Recoveries)) {
        count(&mut lock(&self.recoveries));
    }

    /// Counts a lost connection, once until there is an answer again.
    fn count_lost(&mut self) {
        if std::mem::take(&mut self.is_connected) {
            self.count(|counts| counts.reconnections += 1);
        }
    }

    fn failed(&self, trouble: Trouble) -> End {
        End::Failed(self.connection.failed(trouble))
    }

    async fn deliver(&mut self, pairs: Vec<Pair>) -> Step<()> {
        if self.is_ascending() {
            let last = pairs.iter().map(|pair| &pair.key).max();
            if let Some(last) = last.filter(|last| **last >= self.start) {
                self.start = after(last);
            }
        }
        if pairs.is_empty() {
            return Ok(());
        }
        self.messages.send(Ok(pairs)).await.map_err(|_| End::Dropped)
    }

    // --- The range ------------------------------------------------------------------------------

    /// Reads the range. Returns its revision, or `None` if not all of it was of one revision.
    async fn sweep(&mut self) -> Step<Option<i64>> {
        let mut patience = self.connection.patience();
        let mut pin: Option<Pin> = None;
        let mut first_revision = None;
        let mut is_pinned = true;
        let mut start = self.start.clone();
        let mut is_bounded = self.is_ascending();
        loop {
            let limit = self.limit;
            let end = self.page_end(&start).filter(|_| is_bounded);
            let outcome = self.page(start.clone(), end, pin.as_ref()).await;
            let Some(mut page) = self.settle(outcome, &mut pin, &mut patience).await? else {
                is_pinned &= pin.is_some() || first_revision.is_none();
                continue;
            };
            let revision = page.header().map_or(0, etcd_client::ResponseHeader::revision);
            if pin.is_none() {
                let endpoint = self.connection.endpoint().to_owned();
                pin = Some(Pin { revision, endpoint });
            }
            let first_revision = *first_revision.get_or_insert(revision);
            let kvs = page.take_kvs();
            if let Some(last) = kvs.last() {
                start = after(last.key());
            }
            let is_last = !is_bounded && !page.more();
            // After the last entry, or before a missing one, there is either nothing or more.
            is_bounded &= i64::try_from(kvs.len()) == Ok(limit);
            let pairs: Vec<_> = kvs.into_iter().map(Pair::from).collect();
            self.adapt(&pairs);
            let is_new = |pair: &Pair| self.is_ascending() || pair.revision > self.seen;
            let pairs = pairs.into_iter().filter(is_new).collect();
            self.deliver(pairs).await?;
            if is_last {
                self.seen = self.seen.max(first_revision);
                self.newest = self.newest.max(self.seen);
                return Ok(Some(first_revision).filter(|_| is_pinned));
            }
        }
    }

    /// Makes the next page as long as it should be, and at most twice as long as this one.
    fn adapt(&mut self, page: &[Pair]) {
        let bytes: usize = page.iter().map(|pair| pair.key.len() + pair.value.len()).sum();
        let count = page.len().max(1);
        let fitting = PAGE_BYTES / (bytes / count).max(1);
        let fitting = i64::try_from(fitting).unwrap_or(PAGE_KEYS_MAX);
        self.limit = fitting.min(self.limit * 2).clamp(1, PAGE_KEYS_MAX);
    }

    /// Returns the end of a page that begins with an entry. etcd 3.4 looks at all keys up to the end,
    /// however few it returns: to the end of the range each page would take time for the whole log.
    fn page_end(&self, start: &[u8]) -> Option<String> {
        let Keys::Entries(log) = &self.keys else { return None };
        let index = match start.strip_suffix(b"\0") {
            None => log.index_of_entry(start)?,
            Some(last) => log.index_of_entry(last)?.checked_add(1)?,
        };
        Some(log.entry(index.checked_add(self.limit.unsigned_abs())?))
    }

    /// Asks for a page: at the pin's revision, if there is one.
    async fn page(
        &mut self,
        start: Vec<u8>,
        end: Option<String>,
        pin: Option<&Pin>,
    ) -> Result<GetResponse, Trouble> {
        let end = end.unwrap_or_else(|| self.range.1.clone());
        let mut options = GetOptions::new().with_range(end).with_limit(self.limit);
        if let Some(pin) = pin {
            options = options.with_revision(pin.revision);
            // Another member may not have the revision yet; a linearizable request waits for it.
            if pin.endpoint == self.connection.endpoint() {
                options = options.with_serializable();
            }
        }
        self.connection
            .once(async |client| {
                let mut client = client.kv_client().max_decoding_message_size(MESSAGE_BYTES_MAX);
                client.get(start, Some(options)).await
            })
            .await
    }

    /// Returns the page; or `None` if it has to be asked for again, without a pin if that was
    /// compacted.
    async fn settle(
        &mut self,
        outcome: Result<GetResponse, Trouble>,
        pin: &mut Option<Pin>,
        patience: &mut Patience,
    ) -> Step<Option<GetResponse>> {
        match outcome {
            Ok(page) => {
                self.is_connected = true;
                *patience = self.connection.patience();
                return Ok(Some(page));
            }
            Err(Trouble::Compacted) => {
                self.count(|counts| counts.compactions += 1);
                info!("a page's revision was compacted");
                *pin = None;
            }
            Err(Trouble::TooLong) if self.limit > 1 => {
                self.limit = (self.limit / 8).max(1);
                debug!(limit = self.limit, "a page was too long");
            }
            Err(Trouble::Passing(reason)) => {
                self.count_lost();
                info!(reason, "a page was not answered");
                patience.pause(&reason).await.map_err(|trouble| self.failed(trouble))?;
            }
            Err(trouble) => return Err(self.failed(trouble)),
        }
        Ok(None)
    }

    // --- The watch ------------------------------------------------------------------------------

    /// Watches from a revision on until the range has to be read again.
    async fn watch(&mut self, revision: i64) -> Step<()> {
        let options = WatchOptions::new()
            .with_range(self.range.1.clone())
            .with_start_revision(revision)
            .with_filters([WatchFilterType::NoDelete])
            .with_fragment();
        let start = self.range.0.clone();
        let opened = self.connection.once(async |client| {
            let client = client.watch_client();
            client.max_decoding_message_size(MESSAGE_BYTES_MAX).watch(start, Some(options)).await
        });
        let mut stream = match opened.await {
            Ok(stream) => stream,
            Err(Trouble::Passing(reason)) => {
                self.count_lost();
                info!(reason, "the watch was not opened");
                return Ok(());
            }
            Err(trouble) => return Err(self.failed(trouble)),
        };
        debug!(revision, endpoint = self.connection.endpoint(), "watching");
        loop {
            match timeout(self.silence_time, stream.message()).await {
                Ok(message) => {
                    if self.take(message).await?.is_break() {
                        return Ok(());
                    }
                }
                Err(_) => {
                    if self.check_silence(&mut stream).await?.is_break() {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Takes a message of the watch. Breaks if there are no more.
    async fn take(
        &mut self,
        message: Result<Option<WatchResponse>, etcd_client::Error>,
    ) -> Step<ControlFlow<()>> {
        let message = match message {
            Ok(Some(message)) => message,
            Ok(None) => return Ok(self.lost("it was closed")),
            Err(error) => match trouble(&error) {
                // The member has no leader, or stops.
                Trouble::Passing(reason) if reason.contains("etcdserver: ") => {
                    return Ok(self.cancelled(&reason));
                }
                Trouble::Passing(reason) | Trouble::Refused(reason) => {
                    return Ok(self.lost(&reason));
                }
                trouble => return Err(self.failed(trouble)),
            },
        };
        self.is_connected = true;
        if message.compact_revision() > 0 {
            info!(revision = message.compact_revision(), "the watch's revision was compacted");
            self.count(|counts| counts.compactions += 1);
            return Ok(ControlFlow::Break(()));
        }
        if message.canceled() {
            return Ok(self.cancelled(message.cancel_reason()));
        }
        let puts = message.events().iter().filter(|event| event.event_type() == EventType::Put);
        let pairs: Vec<_> = puts.filter_map(|event| event.kv().cloned().map(Pair::from)).collect();
        if let Some(last) = pairs.iter().map(|pair| pair.revision).max() {
            // The rest of the revision may be in the next message.
            self.seen = self.seen.max(last - 1);
            self.newest = self.newest.max(last);
        }
        self.deliver(pairs).await?;
        Ok(ControlFlow::Continue(()))
    }

    fn cancelled(&mut self, reason: &str) -> ControlFlow<()> {
        info!(reason, endpoint = self.connection.endpoint(), "the watch was cancelled");
        self.count(|counts| counts.cancels += 1);
        self.connection.move_on();
        ControlFlow::Break(())
    }

    fn lost(&mut self, reason: &str) -> ControlFlow<()> {
        info!(reason, endpoint = self.connection.endpoint(), "the watch was lost");
        self.count_lost();
        self.connection.move_on();
        ControlFlow::Break(())
    }

    /// Asks whether the silent watch has missed something. Breaks if it has, or if the member does
    /// not answer.
    async fn check_silence(&mut self, stream: &mut WatchStream) -> Step<ControlFlow<()>> {
        match self.has_more().await {
            Ok(false) => return Ok(ControlFlow::Continue(())),
            Ok(true) => {
                // It may be on its way.
                if let Ok(message) = timeout(self.silence_time, stream.message()).await {
                    return self.take(message).await;
                }
                info!("the watch has missed something");
            }
            Err(Trouble::Passing(reason)) => {
                info!(reason, "the member of a silent watch did not answer");
            }
            Err(trouble) => return Err(self.failed(trouble)),
        }
        self.count(|counts| counts.silences += 1);
        Ok(ControlFlow::Break(()))
    }

    /// Reports whether the range has a pair that was not returned.
    async fn has_more(&mut self) -> Result<bool, Trouble> {
        let mut options =
            GetOptions::new().with_range(self.range.1.clone()).with_limit(1).with_keys_only();
        if !self.is_ascending() {
            options = options.with_sort(SortTarget::Mod, SortOrder::Descend);
        }
        let start = self.start.clone();
        let answer = self.connection.once(async |client| client.get(start, Some(options)).await);
        let answer = answer.await?;
        let is_new = |pair: &KeyValue| self.is_ascending() || pair.mod_revision() > self.newest;
        Ok(answer.kvs().first().is_some_and(is_new))
    }
}

/// Returns the first key after `key`.
fn after(key: &[u8]) -> Vec<u8> {
    [key, b"\0"].concat()
}

impl From<KeyValue> for Pair {
    fn from(pair: KeyValue) -> Self {
        let revision = pair.mod_revision();
        let (key, value) = pair.into_key_value();
        Self { key, value, revision }
    }
}
