// A cluster of replicas that exchange messages instantly, unless they are isolated (definition,
// section 4).
//
//   auto made = dkv20::Cluster::New(5);                 // a Result: 5 is between 1 and 64
//   dkv20::Cluster& cluster = made.value();
//   auto outcome = cluster.Propose(dkv20::Op::Put(dkv20::ByteString("a"), dkv20::ByteString("v")));
//   if (outcome.ok() && outcome.value().committed) { ... }

#ifndef DKV20_CLUSTER_H_
#define DKV20_CLUSTER_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <vector>

#include "dkv20/error.h"
#include "dkv20/op.h"
#include "dkv20/replica.h"

namespace dkv20 {

// What became of a proposal: an entry at `index` with `term`. Where it is not committed it is
// pending: it may commit later, or be truncated and never take effect.
struct Outcome {
  bool committed;
  std::uint64_t index;
  std::uint64_t term;

  friend bool operator==(const Outcome&, const Outcome&) noexcept = default;
};

// A list of ids that is empty names nobody; Heal() and Compact(), without a list, mean all. An id
// may be named twice. A call that answers with an error has changed nothing. To be used by one
// thread at a time.
class Cluster {
 public:
  // `size` replicas at term 1, replica 0 as leader, with empty logs. kReplicaCount unless `size`
  // is 1 to 64.
  [[nodiscard]] static Result<Cluster> New(std::uint64_t size) noexcept;

  // Number of replicas; their ids are 0 to size() - 1.
  [[nodiscard]] std::size_t size() const noexcept { return replicas_.size(); }
  // How many reachable replicas it takes to elect and to commit: size() / 2 + 1.
  [[nodiscard]] std::size_t quorum() const noexcept { return size() / 2 + 1; }
  // The current leader's id, isolated or not.
  [[nodiscard]] ReplicaId leader() const noexcept { return leader_; }
  // The current term.
  [[nodiscard]] std::uint64_t term() const noexcept { return term_; }
  // Ids of the isolated replicas, ascending.
  [[nodiscard]] std::vector<ReplicaId> isolated_ids() const noexcept;
  // Whether the replica is isolated; false for an unknown id.
  [[nodiscard]] bool is_partitioned(ReplicaId id) const noexcept {
    return id < size() && ((isolated_ >> id) & 1U) != 0;
  }
  // The replica, or nullptr for an unknown id. Lives as long as the cluster, unmoved.
  [[nodiscard]] const Replica* replica(ReplicaId id) const noexcept {
    return id < size() ? &replicas_[static_cast<std::size_t>(id)] : nullptr;
  }

  // The current leader appends the op and, where a quorum is reachable, commits it. kKeyLength,
  // then kValueLength where the op breaks its limits; kNoLeader while the leader is isolated
  // (section 4.1).
  [[nodiscard]] Result<Outcome> Propose(Op op) noexcept;

  // The same from a client that can reach replica `id` alone. An isolated replica that takes
  // itself for the leader appends to its own log, and the outcome is pending. kUnknownReplica,
  // then the op's limits, then kNotLeader (section 4.2).
  [[nodiscard]] Result<Outcome> ProposeAt(ReplicaId id, Op op) noexcept;

  // Isolates the replicas named. Where that takes the leader away from a quorum, the quorum
  // elects another. kUnknownReplica, or nothing where it is done (section 4.3; so for the next).
  std::optional<ErrorCode> Partition(std::span<const ReplicaId> ids) noexcept;
  std::optional<ErrorCode> Partition(std::initializer_list<ReplicaId> ids) noexcept {
    return Partition(std::span(ids.begin(), ids.size()));
  }

  // Makes all replicas, or those named, reachable again; they catch up with the leader.
  void Heal() noexcept;
  std::optional<ErrorCode> HealIds(std::span<const ReplicaId> ids) noexcept;
  std::optional<ErrorCode> HealIds(std::initializer_list<ReplicaId> ids) noexcept {
    return HealIds(std::span(ids.begin(), ids.size()));
  }

  // All replicas, or those named, drop their log entries up to their commit index, isolated
  // ones too. Maps do not change (section 4.5).
  void Compact() noexcept;
  std::optional<ErrorCode> CompactIds(std::span<const ReplicaId> ids) noexcept;
  std::optional<ErrorCode> CompactIds(std::initializer_list<ReplicaId> ids) noexcept {
    return CompactIds(std::span(ids.begin(), ids.size()));
  }

 private:
  explicit Cluster(std::size_t size) noexcept;

  [[nodiscard]] std::optional<ErrorCode> CheckIds(std::span<const ReplicaId> ids) const noexcept;
  [[nodiscard]] std::size_t ReachableCount() const noexcept;
  [[nodiscard]] Replica& Leader() noexcept { return replicas_[static_cast<std::size_t>(leader_)]; }
  [[nodiscard]] ReplicaId ElectionWinner() const noexcept;

  // Section 4.4 and its steps.
  void Settle() noexcept;
  void Elect() noexcept;
  void Replicate() noexcept;
  void Commit() noexcept;

  std::vector<Replica> replicas_;
  // Bit i is set where replica i is isolated; 64 replicas are the most there are.
  std::uint64_t isolated_ = 0;
  ReplicaId leader_ = 0;
  std::uint64_t term_ = 1;
};

}  // namespace dkv20

#endif  // DKV20_CLUSTER_H_
