//! A follower: it applies the entries of a log to a program, and publishes checkpoints.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use dkv20_exam::{Breakdown, Conversation, Failure, shown};
use tokio::sync::mpsc;
use tracing::info;

use crate::access::Access;
use crate::applier::{Applied, Applier};
use crate::checkpoint::Checkpoint;
use crate::connection::Connection;
use crate::entries::{Entries, Entry, read_head};
use crate::error::LiveError;
use crate::keys::LogName;
use crate::publisher::{Indexed, Published, Publisher};
use crate::recoveries::Recoveries;
use crate::settings::Settings;

/// How often the head is read, for the lag.
const HEAD_TIME: Duration = Duration::from_secs(1);

/// A follower of a log.
pub struct Follower {
    access: Access,
    publisher: Publisher,
    settings: Settings,
    check: Box<Check>,
    status: Arc<Status>,
}

/// Returns why a line is not one that a log of the machine may have.
type Check = dyn Fn(&[u8]) -> Result<(), String> + Send + Sync;

/// How far a follower is. It can be read while the follower runs.
#[derive(Debug, Default)]
pub struct Status {
    applied: AtomicU64,
    head: AtomicU64,
    is_head_known: AtomicBool,
    published: Published,
    recoveries: std::sync::Mutex<Recoveries>,
}

/// How a follower ends without an error of etcd or of the log.
#[derive(Debug)]
pub enum FollowEnd {
    /// The entry of the index that was asked for is applied, and its checkpoints are published.
    Reached,
    /// The interrupt was raised.
    Interrupted,
    /// The program failed.
    Failed {
        /// The index of the entry that it was to apply, or whose observers it was to answer.
        index: u64,
        /// How it failed.
        breakdown: Breakdown,
    },
}

impl Status {
    /// Returns the index of the last entry that was applied; 0 before the first.
    #[must_use]
    pub fn applied(&self) -> u64 {
        self.applied.load(Ordering::Relaxed)
    }

    /// Returns the index of the log's last entry, as it was up to a second ago; `None` before it is
    /// known.
    #[must_use]
    pub fn head(&self) -> Option<u64> {
        let is_known = self.is_head_known.load(Ordering::Relaxed);
        is_known.then(|| self.head.load(Ordering::Relaxed).max(self.applied()))
    }

    /// Returns how many checkpoints are published. Those that were there before count when they are
    /// reached.
    #[must_use]
    pub fn checkpoints(&self) -> u64 {
        self.published.count.load(Ordering::Relaxed)
    }

    /// Returns the index of the last of them; 0 before the first.
    #[must_use]
    pub fn last_checkpoint(&self) -> u64 {
        self.published.last.load(Ordering::Relaxed)
    }

    /// Returns how often reading the log had to begin again.
    #[must_use]
    pub fn recoveries(&self) -> Recoveries {
        *self.recoveries.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn set_recoveries(&self, recoveries: Recoveries) {
        *self.recoveries.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = recoveries;
    }
}

impl Follower {
    /// Returns the follower of this name; see [`crate::check_name`].
    #[must_use]
    pub fn new(access: Access, log: LogName, name: &str, settings: Settings) -> Self {
        let publisher = Publisher { log, follower: name.into(), is_exact: settings.has_digests };
        Self { access, publisher, settings, check: Box::new(|_| Ok(())), status: Arc::default() }
    }

    /// Checks the entry at which a program fails by `check`, which returns why a line is not one that
    /// a log of the machine may have. Such an entry is an error of the log, and not the program's.
    #[must_use]
    pub fn with_check(
        self,
        check: impl Fn(&[u8]) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        Self { check: Box::new(check), ..self }
    }

    /// Returns how far it is.
    #[must_use]
    pub fn status(&self) -> Arc<Status> {
        self.status.clone()
    }

    /// Deletes the checkpoints that a follower of this name has published.
    ///
    /// # Errors
    ///
    /// etcd cannot be used. Some may have been deleted.
    pub async fn delete_checkpoints(&self) -> Result<(), LiveError> {
        self.publisher.delete(&mut self.connection()).await
    }

    /// Applies the entries from the first on to a program that has answered the settings' start
    /// lines, and publishes its checkpoints, until the entry `until` is applied or, if that is `None`,
    /// without end. A program that fails gets a checkpoint that says so.
    ///
    /// # Errors
    ///
    /// etcd cannot be used, the log is not as it must be, or another checkpoint has been published at
    /// the same index.
    pub async fn run(
        &self,
        program: Conversation,
        until: Option<u64>,
    ) -> Result<FollowEnd, LiveError> {
        match Box::pin(self.run_through(program, until)).await {
            Err(LiveError::Interrupted) => Ok(FollowEnd::Interrupted),
            other => other,
        }
    }

    fn connection(&self) -> Connection {
        Connection::new(self.access.clone())
    }

    async fn run_through(
        &self,
        program: Conversation,
        until: Option<u64>,
    ) -> Result<FollowEnd, LiveError> {
        let every = self.settings.every;
        let earlier = self.publisher.indexes(&mut self.connection()).await?;
        // At other indexes than these only a failure is published.
        let failed_at = earlier.into_iter().find(|index| !index.is_multiple_of(every));
        // The program works on some entries while the next ones are read.
        let (entries, to_apply) = mpsc::channel(1);
        let (outcome, outcomes) = mpsc::channel(1);
        let applier = Applier::new(program, &self.settings);
        let working = tokio::task::spawn_blocking(move || applier.run(to_apply, &outcome));
        let end = tokio::select! {
            end = self.collect(outcomes, until, failed_at) => end,
            error = self.feed(entries, until) => Err(error),
            error = self.watch_head() => Err(error),
        };
        // The channels are closed. The program ends with the entries that it has.
        let _ = working.await;
        end
    }

    /// Passes the entries on until an error.
    async fn feed(&self, entries: mpsc::Sender<Vec<Entry>>, until: Option<u64>) -> LiveError {
        let mut reader = Entries::open(self.connection(), self.publisher.log.clone(), 1);
        loop {
            let next = reader.next().await;
            self.status.set_recoveries(reader.recoveries());
            let mut next = match next {
                Ok(next) => next,
                Err(error) => return error,
            };
            if let Some(until) = until {
                next.retain(|entry| entry.index <= until);
            }
            // After the last entry, or if the program has failed, the other side ends this.
            if next.is_empty() || entries.send(next).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Publishes the checkpoints until the last entry is applied or the program fails.
    async fn collect(
        &self,
        outcomes: mpsc::Receiver<Applied>,
        until: Option<u64>,
        failed_at: Option<u64>,
    ) -> Result<FollowEnd, LiveError> {
        let (queue, waiting) = Publisher::queue();
        let mut connection = self.connection();
        let publishing = self.publisher.publish(&mut connection, waiting, &self.status.published);
        tokio::pin!(publishing);
        let end = tokio::select! {
            end = self.take(outcomes, queue, until, failed_at) => end?,
            outcome = &mut publishing => {
                return outcome.and(Err(self.program_error("nothing was applied".into())));
            }
        };
        match (publishing.await, end) {
            (Ok(()), end) => Ok(end),
            (Err(error), FollowEnd::Failed { index, breakdown }) => {
                let reason =
                    format!("failed at entry {index}: {breakdown}; not published: {error}");
                Err(self.program_error(reason))
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Passes checkpoints on to be published.
    async fn take(
        &self,
        mut outcomes: mpsc::Receiver<Applied>,
        queue: mpsc::Sender<Indexed>,
        until: Option<u64>,
        failed_at: Option<u64>,
    ) -> Result<FollowEnd, LiveError> {
        while let Some(Applied { index, checkpoints, failure }) = outcomes.recv().await {
            self.status.applied.store(index, Ordering::Relaxed);
            if let Some(failed_at) = failed_at.filter(|failed_at| *failed_at <= index) {
                let other = format!("a failure at index {failed_at}");
                return Err(self.publisher.changed(&other));
            }
            // The queue takes them as long as they are published.
            for checkpoint in checkpoints {
                let _ = queue.send(checkpoint).await;
            }
            if let Some((index, breakdown)) = failure {
                self.check_cause(&breakdown)?;
                self.check_line(index, &breakdown.line)?;
                info!(index, %breakdown, "the program failed");
                let _ = queue.send((index, Checkpoint::of_failure(&breakdown.to_string()))).await;
                return Ok(FollowEnd::Failed { index, breakdown });
            }
            if until == Some(index) {
                return Ok(FollowEnd::Reached);
            }
        }
        Err(self.program_error("its thread has ended".into()))
    }

    /// Checks that the program itself has failed.
    fn check_cause(&self, breakdown: &Breakdown) -> Result<(), LiveError> {
        match breakdown.external_cause() {
            None => Ok(()),
            Some(Failure::Interrupted) => Err(LiveError::Interrupted),
            Some(cause) => Err(self.program_error(cause.to_string())),
        }
    }

    /// Checks the line at which the program has failed: that of an entry, or an observer's.
    fn check_line(&self, index: u64, line: &[u8]) -> Result<(), LiveError> {
        if self.settings.observers.iter().any(|observer| observer.as_bytes() == line) {
            return Ok(());
        }
        (self.check)(line).map_err(|reason| LiveError::Log {
            log: self.publisher.log.to_string(),
            reason: format!(
                "entry {index} is `{}`: {reason}; another program than `dkv20 live append` has \
                 written it",
                shown(line)
            ),
        })
    }

    fn program_error(&self, reason: String) -> LiveError {
        LiveError::Program { name: self.publisher.follower.clone(), reason }
    }

    /// Reads the head from time to time, until an error.
    async fn watch_head(&self) -> LiveError {
        let mut connection = self.connection();
        loop {
            let applied = self.status.applied();
            let head = match read_head(&mut connection, &self.publisher.log).await {
                Ok(head) => head,
                Err(error) => return error,
            };
            if head < applied {
                return LiveError::Log {
                    log: self.publisher.log.to_string(),
                    reason: format!(
                        "its head is {head}, but entry {applied} is applied: the log was deleted or \
                         begun anew"
                    ),
                };
            }
            self.status.head.store(head, Ordering::Relaxed);
            self.status.is_head_known.store(true, Ordering::Relaxed);
            tokio::time::sleep(HEAD_TIME).await;
        }
    }
}
