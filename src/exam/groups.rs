//! The process groups of the running ports, and the processes that leave them.

use std::io::{self, PipeWriter};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus, kill_process, kill_process_group, waitid,
};

use crate::{guard, processes};

static PORTS: Mutex<Ports> = Mutex::new(Ports { running: Vec::new(), are_mixed: false });

struct Ports {
    running: Vec<Pid>,
    /// Whether a process that has left its group may be of one port or of another.
    are_mixed: bool,
}

fn ports() -> MutexGuard<'static, Ports> {
    PORTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a port in a process group of its own. Returns it, its group, and its standard input.
pub(crate) fn start(command: &mut Command) -> io::Result<(Child, Pid, PipeWriter)> {
    let (input, writer) = io::pipe()?;
    let inode = rustix::fs::fstat(&input)?.st_ino;
    command.stdin(input).process_group(0);
    let mut ports = ports();
    guard::announce(inode);
    // The guard is the only child by now.
    adopts_orphans();
    let child = command.spawn();
    guard::note_start(child.as_ref().ok().map(Pid::from_child));
    ports.are_mixed |= !ports.running.is_empty();
    let child = child?;
    let group = Pid::from_child(&child);
    ports.running.push(group);
    Ok((child, group, writer))
}

/// Kills a port and its group and, on Linux, what has left the group. Returns the exit status, and
/// whether a process had left the group that is known to be of this port.
pub(crate) fn end(child: &mut Child, group: Pid) -> io::Result<(ExitStatus, bool)> {
    if !ports().running.contains(&group) {
        return child.wait().map(|status| (status, false));
    }
    // Nothing can be done about a process that cannot be killed; the exam goes on.
    let _ = kill_process_group(group, Signal::KILL);
    // It is on the list until it is reaped, and no other process can get its id before.
    wait(group, WaitIdOptions::NOWAIT);
    let mut ports = ports();
    ports.running.retain(|running| *running != group);
    guard::note_end(group);
    let status = child.wait()?;
    Ok((status, adopts_orphans() && ports.end_orphans(group)))
}

/// Kills every running port and all that is in its process group, and lets no other port start: for
/// a program that is about to exit without unwinding.
pub fn end_all_ports() {
    let ports = ports();
    for group in &ports.running {
        let _ = kill_process_group(*group, Signal::KILL);
    }
    // A start needs the lock.
    std::mem::forget(ports);
}

/// Reports whether processes that lose their parent become children of this process. Only then are
/// its children, apart from ports and the guard, what ports have left.
fn adopts_orphans() -> bool {
    static ADOPTS: OnceLock<bool> = OnceLock::new();
    *ADOPTS.get_or_init(|| {
        let has_own_alone = || unknown_children(&[]).is_some_and(|unknown| unknown.is_empty());
        guard::is_used() && has_own_alone() && become_subreaper()
    })
}

#[cfg(target_os = "linux")]
fn become_subreaper() -> bool {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).is_ok()
}

#[cfg(not(target_os = "linux"))]
const fn become_subreaper() -> bool {
    false
}

fn unknown_children(ports: &[Pid]) -> Option<Vec<Pid>> {
    let children = processes::children()?;
    // A child that is the guard is known to be it after it has been seen.
    let guard = guard::id();
    let is_unknown = |child: &Pid| !ports.contains(child) && Some(*child) != guard;
    Some(children.into_iter().filter(is_unknown).collect())
}

impl Ports {
    /// Ends the processes that lost their parent, apart from those that may belong to a running
    /// port. Reports whether one had left its group and is known to be of the port of `group`.
    fn end_orphans(&mut self, group: Pid) -> bool {
        let mut has_left = false;
        loop {
            let mut ended = false;
            for orphan in unknown_children(&self.running).unwrap_or_default() {
                let own = processes::group_of(orphan);
                let is_of_group = own == Some(group);
                if own.is_some_and(|own| self.running.contains(&own)) {
                    wait(orphan, WaitIdOptions::NOHANG);
                } else if is_of_group || self.running.is_empty() {
                    let _ = kill_process(orphan, Signal::KILL);
                    let status = wait(orphan, WaitIdOptions::empty());
                    has_left |= !is_of_group && status.is_some_and(|status| status.killed());
                    ended = true;
                }
            }
            // The children of one that was ended are orphans now.
            if !ended {
                break;
            }
        }
        let is_known = !self.are_mixed;
        self.are_mixed &= !self.running.is_empty();
        has_left && is_known
    }
}

fn wait(process: Pid, options: WaitIdOptions) -> Option<WaitIdStatus> {
    loop {
        match waitid(WaitId::Pid(process), WaitIdOptions::EXITED | options) {
            Err(Errno::INTR) => {}
            waited => return waited.ok().flatten(),
        }
    }
}
