//! Other processes, as the system knows them. Only Linux is asked; elsewhere nothing is known.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};

use rustix::process::{Pid, getpid};

/// Returns the children of this process, apart from those that a thread beside the first started: a
/// process that loses its parent becomes a child of the first. Returns `None` if that is not known.
pub(crate) fn children() -> Option<Vec<Pid>> {
    let id = getpid().as_raw_nonzero();
    let children = fs::read_to_string(format!("/proc/self/task/{id}/children")).ok()?;
    Some(children.split_whitespace().filter_map(parse_id).collect())
}

/// Returns the process group of a process.
pub(crate) fn group_of(process: Pid) -> Option<Pid> {
    parent_and_group(process)?.1
}

/// Returns the process groups of the processes whose standard input is the pipe with this inode.
pub(crate) fn groups_of_input(inode: u64) -> Vec<Pid> {
    let reads = |id: &Pid| {
        let input = fs::metadata(format!("/proc/{}/fd/0", id.as_raw_nonzero()));
        input.is_ok_and(|input| input.file_type().is_fifo() && input.ino() == inode)
    };
    all().filter(reads).filter_map(group_of).collect()
}

/// Returns the processes that are not in these groups, but descend from one that is.
pub(crate) fn descendants_of(groups: &HashSet<Pid>) -> Vec<Pid> {
    let mut known = HashSet::new();
    let mut parents = HashMap::new();
    for id in all() {
        match parent_and_group(id) {
            Some((_, Some(group))) if groups.contains(&group) => _ = known.insert(id),
            Some((Some(parent), _)) => _ = parents.insert(id, parent),
            Some((None, _)) | None => {}
        }
    }
    let mut descendants = Vec::new();
    loop {
        let is_child = |_: &Pid, parent: &mut Pid| known.contains(parent);
        let children: Vec<Pid> = parents.extract_if(is_child).map(|(id, _)| id).collect();
        if children.is_empty() {
            return descendants;
        }
        known.extend(&children);
        descendants.extend(children);
    }
}

fn all() -> impl Iterator<Item = Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| parse_id(entry.file_name().to_str()?))
}

/// Returns the parent and the group of a process. Either may be outside of what can be seen here.
fn parent_and_group(id: Pid) -> Option<(Option<Pid>, Option<Pid>)> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", id.as_raw_nonzero())).ok()?;
    // The name may have spaces and parentheses. The state comes after it, then these.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(1).map(parse_id);
    Some((fields.next()?, fields.next()?))
}

fn parse_id(text: &str) -> Option<Pid> {
    Pid::from_raw(text.parse().ok()?)
}
