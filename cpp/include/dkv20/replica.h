// One replica: a log, a commit index and a map (definition, section 3).

#ifndef DKV20_REPLICA_H_
#define DKV20_REPLICA_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dkv20/byte_string.h"
#include "dkv20/op.h"

namespace dkv20 {

class Log;
class OrderedMap;

// Ids count from 0. An id that is not below the number of replicas is unknown.
using ReplicaId = std::uint64_t;

// The role that a replica believes it has. A deposed leader that is isolated still has kLeader.
enum class Role : std::uint8_t { kFollower, kLeader };

// Returns "follower" or "leader".
[[nodiscard]] std::string_view RoleName(Role role) noexcept;

// An entry of a log.
struct Entry {
  std::uint64_t index;
  std::uint64_t term;
  Op op;

  friend bool operator==(const Entry&, const Entry&) noexcept = default;
};

// A replica of a Cluster, which owns it and alone changes it. It does no I/O and has no clock.
//
// Invariants: base() <= commit_index() <= last(), and the map is the result of applying the ops
// at the indexes 1 to commit_index(), in order, to an empty map.
//
// Like its cluster, a replica must not be used by several threads at the same time.
class Replica {
 public:
  Replica(Replica&& other) noexcept;
  Replica& operator=(Replica&& other) noexcept;
  ~Replica();

  [[nodiscard]] ReplicaId id() const noexcept { return id_; }
  // The newest term that the replica has learned of, from 1.
  [[nodiscard]] std::uint64_t term() const noexcept { return term_; }
  [[nodiscard]] Role role() const noexcept { return role_; }
  // The index up to which the log has been compacted, 0 at first.
  [[nodiscard]] std::uint64_t base() const noexcept;
  // The index up to which ops are committed and applied, 0 at first.
  [[nodiscard]] std::uint64_t commit_index() const noexcept { return commit_index_; }
  // The index of the last log entry; base() if the log is empty.
  [[nodiscard]] std::uint64_t last() const noexcept;
  // The term at last().
  [[nodiscard]] std::uint64_t last_term() const noexcept;
  // Returns the term at an index from base() to last(), 0 at index 0; nothing for other indexes.
  [[nodiscard]] std::optional<std::uint64_t> TermAt(std::uint64_t index) const noexcept;

  // The number of keys in the map.
  [[nodiscard]] std::size_t key_count() const noexcept;
  // Returns the key's committed value, or null if the key is absent. Valid until the cluster
  // changes.
  [[nodiscard]] const ByteString* Get(const ByteString& key) const noexcept;
  // Calls `visit` for each key and its value, keys ascending.
  void ForEach(
      const std::function<void(const ByteString& key, const ByteString& value)>& visit) const;
  // Calls `visit` for each log entry from base() + 1 to last().
  void ForEachEntry(const std::function<void(const Entry& entry)>& visit) const;

  // Returns the snapshot's bytes (definition, section 5). Replicas of a cluster at the same
  // commit index have the same snapshot.
  [[nodiscard]] Bytes DumpState() const noexcept;
  // Returns the SHA-256 of the snapshot's bytes in 64 lower-case hex digits, without holding the
  // bytes in memory.
  [[nodiscard]] std::string SnapshotHash() const noexcept;
  // Returns the SHA-256 of the log entries, each as u64 index, u64 term and encoded op, in 64
  // lower-case hex digits (definition, section 8, `log`).
  [[nodiscard]] std::string LogHash() const noexcept;

 private:
  // Nothing but a cluster keeps the replicas' invariants against each other.
  friend class Cluster;

  // A follower at term 1 with an empty log and an empty map.
  explicit Replica(ReplicaId id) noexcept;

  // `term` must not be below term().
  void BecomeLeader(std::uint64_t term) noexcept;
  void BecomeFollower(std::uint64_t term) noexcept;
  // Becomes a follower and keeps the term.
  void StepDown() noexcept { role_ = Role::kFollower; }

  // Appends (term(), op) to the log, uncommitted, and returns its index. The op must be within
  // its limits.
  std::uint64_t Append(Op op) noexcept;

  // Makes the log equal to the leader's (section 4.4, step 3), by a snapshot if the two logs have
  // no known index in common.
  void CatchUp(const Replica& leader) noexcept;
  void InstallSnapshot(const Replica& leader) noexcept;
  void TruncateAndReplay(const Replica& leader) noexcept;

  // Applies the ops after commit_index() up to `index`, which must be commit_index() to last().
  void CommitTo(std::uint64_t index) noexcept;

  // Drops the log entries up to commit_index(), which becomes the base. The map does not change.
  void Compact() noexcept;

  // The term at the commit index.
  [[nodiscard]] std::uint64_t CommitTerm() const noexcept;

  ReplicaId id_;
  std::uint64_t term_ = 1;
  Role role_ = Role::kFollower;
  std::uint64_t commit_index_ = 0;
  // By pointer, so that their types are not part of the interface. Null after a move.
  std::unique_ptr<Log> log_;
  std::unique_ptr<OrderedMap> map_;
};

}  // namespace dkv20

#endif  // DKV20_REPLICA_H_
