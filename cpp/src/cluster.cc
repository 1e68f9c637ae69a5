#include "dkv20/cluster.h"

#include <bit>
#include <tuple>
#include <utility>

#include "check.h"
#include "dkv20/limits.h"

namespace dkv20 {

Result<Cluster> Cluster::New(std::uint64_t size) noexcept {
  if (size < 1 || size > kReplicasMax) return ErrorCode::kReplicaCount;
  return Cluster(static_cast<std::size_t>(size));
}

Cluster::Cluster(std::size_t size) noexcept {
  replicas_.reserve(size);
  for (ReplicaId id = 0; id < size; ++id) replicas_.push_back(Replica(id));
  Leader().BecomeLeader(term_);
}

std::vector<ReplicaId> Cluster::isolated_ids() const noexcept {
  std::vector<ReplicaId> ids;
  for (ReplicaId id = 0; id < size(); ++id) {
    if (is_isolated(id)) ids.push_back(id);
  }
  return ids;
}

Result<bool> Cluster::IsPartitioned(ReplicaId id) const noexcept {
  if (id >= size()) return ErrorCode::kUnknownReplica;
  return is_isolated(id);
}

Result<Outcome> Cluster::Propose(Op op) noexcept {
  if (const Status status = op.CheckLimits(); !status.ok()) return status.code();
  if (is_isolated(leader_)) return ErrorCode::kNoLeader;
  const std::uint64_t index = Leader().Append(std::move(op));
  Settle();
  return Outcome{index <= Leader().commit_index(), index, term_};
}

Result<Outcome> Cluster::ProposeAt(ReplicaId id, Op op) noexcept {
  if (id >= size()) return ErrorCode::kUnknownReplica;
  if (const Status status = op.CheckLimits(); !status.ok()) return status.code();
  Replica& replica = replicas_[static_cast<std::size_t>(id)];
  if (replica.role() != Role::kLeader) return ErrorCode::kNotLeader;
  if (!is_isolated(id)) {
    DKV20_CHECK(id == leader_);
    return Propose(std::move(op));
  }
  const std::uint64_t index = replica.Append(std::move(op));
  return Outcome{false, index, replica.term()};
}

Status Cluster::Partition(std::span<const ReplicaId> ids) noexcept {
  if (const Status status = CheckIds(ids); !status.ok()) return status;
  for (const ReplicaId id : ids) isolated_ |= std::uint64_t{1} << id;
  Settle();
  return {};
}

void Cluster::Heal() noexcept {
  isolated_ = 0;
  Settle();
}

Status Cluster::HealIds(std::span<const ReplicaId> ids) noexcept {
  if (const Status status = CheckIds(ids); !status.ok()) return status;
  for (const ReplicaId id : ids) isolated_ &= ~(std::uint64_t{1} << id);
  Settle();
  return {};
}

void Cluster::Compact() noexcept {
  for (Replica& replica : replicas_) replica.Compact();
}

Status Cluster::CompactIds(std::span<const ReplicaId> ids) noexcept {
  if (const Status status = CheckIds(ids); !status.ok()) return status;
  for (const ReplicaId id : ids) replicas_[static_cast<std::size_t>(id)].Compact();
  return {};
}

Status Cluster::CheckIds(std::span<const ReplicaId> ids) const noexcept {
  for (const ReplicaId id : ids) {
    if (id >= size()) return ErrorCode::kUnknownReplica;
  }
  return {};
}

bool Cluster::HasQuorum() const noexcept {
  return size() - static_cast<std::size_t>(std::popcount(isolated_)) >= quorum();
}

// Delivers all messages. Running it again changes nothing.
void Cluster::Settle() noexcept {
  if (is_isolated(leader_) && HasQuorum()) Elect();
  if (is_isolated(leader_)) {
    StepDownReachable();
  } else {
    Replicate();
    Commit();
  }
}

// Step 1. Isolated replicas keep their term and their role: a deposed leader does not learn of
// the election.
void Cluster::Elect() noexcept {
  leader_ = ElectionWinner();
  ++term_;
  for (Replica& replica : replicas_) {
    if (!is_isolated(replica.id())) replica.BecomeFollower(term_);
  }
  Leader().BecomeLeader(term_);
  Leader().Append(Op::NoOp());
}

// The reachable replica with the greatest (last term, last); among equals, the lowest id. The
// term comes first, so that a long uncommitted suffix of an old term does not win.
ReplicaId Cluster::ElectionWinner() const noexcept {
  const Replica* winner = nullptr;
  for (const Replica& replica : replicas_) {
    if (is_isolated(replica.id())) continue;
    if (winner == nullptr || std::tuple(replica.last_term(), replica.last()) >
                                 std::tuple(winner->last_term(), winner->last())) {
      winner = &replica;
    }
  }
  DKV20_CHECK(winner != nullptr);
  return winner->id();
}

// Step 2: while the leader is isolated, no reachable replica believes it is leader.
void Cluster::StepDownReachable() noexcept {
  for (Replica& replica : replicas_) {
    if (!is_isolated(replica.id())) replica.StepDown();
  }
}

// Step 3: the logs of the reachable replicas become the leader's.
void Cluster::Replicate() noexcept {
  for (Replica& replica : replicas_) {
    if (is_isolated(replica.id()) || replica.id() == leader_) continue;
    replica.BecomeFollower(term_);
    replica.CatchUp(Leader());
  }
}

// Step 4: with a quorum the leader commits its whole log. Every reachable replica commits as far
// as the leader has.
void Cluster::Commit() noexcept {
  Replica& leader = Leader();
  if (HasQuorum()) leader.CommitTo(leader.last());
  for (Replica& replica : replicas_) {
    if (!is_isolated(replica.id())) replica.CommitTo(leader.commit_index());
  }
}

}  // namespace dkv20
