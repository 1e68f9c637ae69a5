// One replica: a log, a commit index and the state machine (definition, section 3).

#ifndef DKV20_REPLICA_H_
#define DKV20_REPLICA_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dkv20/byte_string.h"
#include "dkv20/log.h"
#include "dkv20/op.h"
#include "dkv20/ordered_map.h"

namespace dkv20 {

// Ids count from 0. Any number may be asked for; those not below the number of replicas are
// unknown.
using ReplicaId = std::uint64_t;

// What a replica takes itself for. A deposed leader that is isolated still says kLeader.
enum class Role : std::uint8_t { kLeader, kFollower };

// "leader" or "follower".
[[nodiscard]] std::string_view RoleName(Role role) noexcept;

// Applies one op to a state machine: Put maps its key to its value, Del removes its key, NoOp
// changes nothing (definition, section 2).
void Apply(const Op& op, OrderedMap& map) noexcept;

// A replica knows nothing of the others, does no I/O and has no clock: a Cluster moves it. The
// map is always the result of applying the ops at indexes 1 to commit_index(), in order, to an
// empty map, and base() <= commit_index() <= last().
//
// What a function asks for ("must") is checked in every build; breaking it ends the process. A
// replica, like its cluster, is to be used by one thread at a time.
class Replica {
 public:
  // At term 1, with an empty log and an empty map.
  Replica(ReplicaId id, Role role) noexcept : id_(id), role_(role) {}

  [[nodiscard]] ReplicaId id() const noexcept { return id_; }
  // The newest term that it has heard of.
  [[nodiscard]] std::uint64_t term() const noexcept { return term_; }
  [[nodiscard]] Role role() const noexcept { return role_; }
  // The index up to which the log has been compacted away.
  [[nodiscard]] std::uint64_t base() const noexcept { return log_.base(); }
  // The index up to which the ops are committed and applied.
  [[nodiscard]] std::uint64_t commit_index() const noexcept { return commit_index_; }
  // The index of the last log entry, or base().
  [[nodiscard]] std::uint64_t last() const noexcept { return log_.last(); }
  [[nodiscard]] std::uint64_t last_term() const noexcept { return log_.last_term(); }
  // The term at an index from base() to last(); nothing outside.
  [[nodiscard]] std::optional<std::uint64_t> TermAt(std::uint64_t index) const noexcept {
    return log_.TermAt(index);
  }
  [[nodiscard]] const Log& log() const noexcept { return log_; }
  // The state machine.
  [[nodiscard]] const OrderedMap& map() const noexcept { return map_; }
  // Number of keys in the map.
  [[nodiscard]] std::size_t key_count() const noexcept { return map_.size(); }
  // The key's committed value, or nullptr where it is absent. Valid until the replica changes.
  [[nodiscard]] const ByteString* Get(const ByteString& key) const noexcept {
    return map_.Find(key);
  }

  // Takes a term and a role. `term` must not be below term().
  void BecomeLeader(std::uint64_t term) noexcept;
  void BecomeFollower(std::uint64_t term) noexcept;
  // Gives up the leader's role and keeps its term.
  void StepDown() noexcept { role_ = Role::kFollower; }

  // Appends (term(), op) to the log at last() + 1, uncommitted. The op must be within its limits.
  void Append(Op op) noexcept;

  // Makes the log end as the leader's does: drops the entries after the last index at which the
  // two agree, and appends the leader's. Tells false, with nothing changed, where they agree at
  // no index that both still know: then only a snapshot helps. A committed entry is never
  // dropped. `leader` must be of the same cluster.
  [[nodiscard]] bool TruncateAndReplay(const Replica& leader) noexcept;

  // Takes over the leader's map and commit index, which becomes the base, and the leader's
  // entries after it. What stood in the map and in the log is gone.
  void InstallSnapshot(const Replica& leader) noexcept;

  // Applies the ops after commit_index() up to `index`, in order. `index` must be neither below
  // commit_index() nor above last().
  void AdvanceCommit(std::uint64_t index) noexcept;

  // Drops the log entries up to commit_index(), which becomes the base. The map stays.
  void Compact() noexcept { log_.Compact(commit_index_); }

  // The snapshot's bytes (definition, section 5).
  [[nodiscard]] Bytes DumpState() const noexcept;
  // The SHA-256 of the snapshot's bytes, in 64 lower-case hex digits. Builds no copy of them.
  [[nodiscard]] std::string SnapshotHash() const noexcept;
  // The SHA-256 of the log entries from base() + 1 to last(), each as u64 index, u64 term,
  // encoded op; in 64 lower-case hex digits (definition, section 8, `log`).
  [[nodiscard]] std::string LogHash() const noexcept;

 private:
  // The term at the commit index, which the log always knows.
  [[nodiscard]] std::uint64_t CommitTerm() const noexcept;

  ReplicaId id_;
  std::uint64_t term_ = 1;
  Role role_;
  Log log_;
  std::uint64_t commit_index_ = 0;
  OrderedMap map_;
};

}  // namespace dkv20

#endif  // DKV20_REPLICA_H_
