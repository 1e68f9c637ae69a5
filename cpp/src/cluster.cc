#include "dkv20/cluster.h"

#include <bit>
#include <tuple>
#include <utility>

namespace dkv20 {
namespace {

// The ids, which must be known, as bits.
std::uint64_t MaskOf(std::span<const ReplicaId> ids) noexcept {
  std::uint64_t mask = 0;
  for (const ReplicaId id : ids) mask |= std::uint64_t{1} << id;
  return mask;
}

}  // namespace

Result<Cluster> Cluster::New(std::uint64_t size) noexcept {
  if (size < 1 || size > kReplicasMax) return ErrorCode::kReplicaCount;
  return Cluster(static_cast<std::size_t>(size));
}

Cluster::Cluster(std::size_t size) noexcept {
  replicas_.reserve(size);
  for (ReplicaId id = 0; id < size; ++id) {
    replicas_.emplace_back(id, id == 0 ? Role::kLeader : Role::kFollower);
  }
}

std::vector<ReplicaId> Cluster::isolated_ids() const noexcept {
  std::vector<ReplicaId> ids;
  for (const Replica& replica : replicas_) {
    if (is_partitioned(replica.id())) ids.push_back(replica.id());
  }
  return ids;
}

Result<Outcome> Cluster::Propose(Op op) noexcept {
  if (auto error = CheckLimits(op)) return *error;
  if (is_partitioned(leader_)) return ErrorCode::kNoLeader;
  Replica& leader = Leader();
  leader.Append(std::move(op));
  const std::uint64_t index = leader.last();
  Settle();
  return Outcome{index <= leader.commit_index(), index, leader.term()};
}

Result<Outcome> Cluster::ProposeAt(ReplicaId id, Op op) noexcept {
  if (id >= size()) return ErrorCode::kUnknownReplica;
  if (auto error = CheckLimits(op)) return *error;
  Replica& replica = replicas_[static_cast<std::size_t>(id)];
  if (replica.role() != Role::kLeader) return ErrorCode::kNotLeader;
  if (is_partitioned(id)) {
    replica.Append(std::move(op));
    return Outcome{false, replica.last(), replica.term()};
  }
  DKV20_CHECK(id == leader_);
  return Propose(std::move(op));
}

std::optional<ErrorCode> Cluster::Partition(std::span<const ReplicaId> ids) noexcept {
  if (auto error = CheckIds(ids)) return error;
  isolated_ |= MaskOf(ids);
  Settle();
  return std::nullopt;
}

void Cluster::Heal() noexcept {
  isolated_ = 0;
  Settle();
}

std::optional<ErrorCode> Cluster::HealIds(std::span<const ReplicaId> ids) noexcept {
  if (auto error = CheckIds(ids)) return error;
  isolated_ &= ~MaskOf(ids);
  Settle();
  return std::nullopt;
}

void Cluster::Compact() noexcept {
  for (Replica& replica : replicas_) replica.Compact();
}

std::optional<ErrorCode> Cluster::CompactIds(std::span<const ReplicaId> ids) noexcept {
  if (auto error = CheckIds(ids)) return error;
  for (const ReplicaId id : ids) replicas_[static_cast<std::size_t>(id)].Compact();
  return std::nullopt;
}

std::optional<ErrorCode> Cluster::CheckIds(std::span<const ReplicaId> ids) const noexcept {
  for (const ReplicaId id : ids) {
    if (id >= size()) return ErrorCode::kUnknownReplica;
  }
  return std::nullopt;
}

std::size_t Cluster::ReachableCount() const noexcept {
  return size() - static_cast<std::size_t>(std::popcount(isolated_));
}

// Leaves nothing in flight between the reachable replicas. Running it again changes nothing.
void Cluster::Settle() noexcept {
  if (is_partitioned(leader_) && ReachableCount() >= quorum()) Elect();
  if (is_partitioned(leader_)) {
    // Nobody can lead: whoever has come back still taking itself for a leader gives that up.
    for (Replica& replica : replicas_) {
      if (!is_partitioned(replica.id())) replica.StepDown();
    }
    return;
  }
  Replicate();
  Commit();
}

// A quorum is reachable and the leader is not. Isolated replicas keep their term and their role:
// a deposed leader still takes itself for one.
void Cluster::Elect() noexcept {
  leader_ = ElectionWinner();
  ++term_;
  for (Replica& replica : replicas_) {
    if (is_partitioned(replica.id())) continue;
    if (replica.id() == leader_) {
      replica.BecomeLeader(term_);
    } else {
      replica.BecomeFollower(term_);
    }
  }
  Leader().Append(Op::NoOp());
}

// The reachable replica with the greatest (last term, last), the lowest id among equals. The term
// counts first: a long tail of an old term is no reason to lead.
ReplicaId Cluster::ElectionWinner() const noexcept {
  const Replica* winner = nullptr;
  for (const Replica& replica : replicas_) {
    if (is_partitioned(replica.id())) continue;
    if (winner == nullptr || std::tuple(replica.last_term(), replica.last()) >
                                 std::tuple(winner->last_term(), winner->last())) {
      winner = &replica;
    }
  }
  DKV20_CHECK(winner != nullptr);
  return winner->id();
}

// Every other reachable replica follows the leader, and its log becomes the leader's.
void Cluster::Replicate() noexcept {
  const Replica& leader = Leader();
  for (Replica& replica : replicas_) {
    if (is_partitioned(replica.id()) || replica.id() == leader_) continue;
    replica.BecomeFollower(leader.term());
    if (!replica.TruncateAndReplay(leader)) replica.InstallSnapshot(leader);
  }
}

// With a quorum the leader commits all it has. Whoever is reachable hears how far it has come.
void Cluster::Commit() noexcept {
  Replica& leader = Leader();
  if (ReachableCount() >= quorum()) leader.AdvanceCommit(leader.last());
  for (Replica& replica : replicas_) {
    if (!is_partitioned(replica.id())) replica.AdvanceCommit(leader.commit_index());
  }
}

}  // namespace dkv20
