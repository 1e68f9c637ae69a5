// A cluster of replicas, some of which may be isolated (definition, section 4).
//
//   dkv20::Cluster cluster = dkv20::Cluster::New(5).value();  // 5 is between 1 and 64
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

// The result of a proposal that was accepted: the entry's index and term, both from 1, and
// whether it is committed. An entry that is not committed is pending: it may be committed later,
// or be truncated and never take effect.
struct Outcome {
  bool committed;
  std::uint64_t index;
  std::uint64_t term;

  friend bool operator==(const Outcome&, const Outcome&) noexcept = default;
};

// 1 to 64 replicas, a set of isolated ones, a current leader and a current term. Messages between
// reachable replicas arrive at once: when a call returns, nothing is in flight.
//
// A call that returns an error has changed nothing. In a list of ids, an id may occur twice, and
// an empty list names no replica. A cluster must not be used by several threads at the same time,
// nor after it was moved from.
class Cluster {
 public:
  // Returns a cluster of `size` replicas with empty logs at term 1, all reachable, replica 0 the
  // leader; kReplicaCount unless `size` is 1 to kReplicasMax.
  [[nodiscard]] static Result<Cluster> New(std::uint64_t size) noexcept;

  // The number of replicas. Their ids are 0 to size() - 1.
  [[nodiscard]] std::size_t size() const noexcept { return replicas_.size(); }
  // The number of reachable replicas that it takes to elect a leader and to commit.
  [[nodiscard]] std::size_t quorum() const noexcept { return size() / 2 + 1; }
  // The current leader's id, isolated or not.
  [[nodiscard]] ReplicaId leader() const noexcept { return leader_; }
  // The current leader's id; nothing if it is isolated.
  [[nodiscard]] std::optional<ReplicaId> reachable_leader() const noexcept {
    return is_isolated(leader_) ? std::nullopt : std::optional(leader_);
  }
  // The current term, from 1.
  [[nodiscard]] std::uint64_t term() const noexcept { return term_; }
  // The ids of the isolated replicas, ascending.
  [[nodiscard]] std::vector<ReplicaId> isolated_ids() const noexcept;
  // Reports whether the replica is isolated; kUnknownReplica.
  [[nodiscard]] Result<bool> IsPartitioned(ReplicaId id) const noexcept;
  // Returns the replica, or null for an unknown id. Valid until the cluster is moved or destroyed.
  [[nodiscard]] const Replica* replica(ReplicaId id) const noexcept {
    return id < size() ? &replicas_[static_cast<std::size_t>(id)] : nullptr;
  }

  // Proposes an op to the current leader (section 4.1). Errors, in this order: kKeyLength and
  // kValueLength if the op exceeds its limits; kNoLeader if the current leader is isolated.
  [[nodiscard]] Result<Outcome> Propose(Op op) noexcept;

  // Proposes an op as a client that reaches replica `id` alone (section 4.2). An isolated replica
  // that believes it is leader appends the op to its own log, and the outcome is pending. Errors,
  // in this order: kUnknownReplica; kKeyLength and kValueLength; kNotLeader if the replica does
  // not believe it is leader.
  [[nodiscard]] Result<Outcome> ProposeAt(ReplicaId id, Op op) noexcept;

  // Isolates these replicas, in addition to those that are (section 4.3). If that separates the
  // leader from a quorum, the quorum elects another. Returns kUnknownReplica if an id is unknown.
  Status Partition(std::span<const ReplicaId> ids) noexcept;
  Status Partition(std::initializer_list<ReplicaId> ids) noexcept {
    return Partition(std::span(ids.begin(), ids.size()));
  }

  // Makes all replicas, or these, reachable (section 4.3). Returns kUnknownReplica if an id is
  // unknown.
  void Heal() noexcept;
  Status HealIds(std::span<const ReplicaId> ids) noexcept;
  Status HealIds(std::initializer_list<ReplicaId> ids) noexcept {
    return HealIds(std::span(ids.begin(), ids.size()));
  }

  // Drops the log entries of all replicas, or of these, up to each replica's commit index,
  // isolated replicas included (section 4.5). No map changes. Returns kUnknownReplica if an id is
  // unknown.
  void Compact() noexcept;
  Status CompactIds(std::span<const ReplicaId> ids) noexcept;
  Status CompactIds(std::initializer_list<ReplicaId> ids) noexcept {
    return CompactIds(std::span(ids.begin(), ids.size()));
  }

 private:
  explicit Cluster(std::size_t size) noexcept;

  // The id must be known.
  [[nodiscard]] bool is_isolated(ReplicaId id) const noexcept {
    return ((isolated_ >> id) & 1U) != 0;
  }
  [[nodiscard]] Status CheckIds(std::span<const ReplicaId> ids) const noexcept;
  [[nodiscard]] bool HasQuorum() const noexcept;
  [[nodiscard]] Replica& Leader() noexcept { return replicas_[static_cast<std::size_t>(leader_)]; }

  // Section 4.4 and its steps.
  void Settle() noexcept;
  void Elect() noexcept;
  [[nodiscard]] ReplicaId ElectionWinner() const noexcept;
  void StepDownReachable() noexcept;
  void Replicate() noexcept;
  void Commit() noexcept;

  std::vector<Replica> replicas_;
  // Bit i is set if replica i is isolated; a cluster has at most 64 replicas.
  std::uint64_t isolated_ = 0;
  ReplicaId leader_ = 0;
  std::uint64_t term_ = 1;
};

}  // namespace dkv20

#endif  // DKV20_CLUSTER_H_
