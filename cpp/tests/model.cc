#include "model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

namespace dkv20::testing {
namespace {

Bytes ToBytes(const ByteString& bytes) { return {bytes.view().begin(), bytes.view().end()}; }

void PutLe(std::uint64_t value, int width, Bytes& out) {
  for (int i = 0; i < width; ++i) {
    out.push_back(static_cast<std::uint8_t>(value % 256));
    value /= 256;
  }
}

void PutByteString(const Bytes& bytes, Bytes& out) {
  PutLe(bytes.size(), 4, out);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

Status CheckLimits(const Op& op) {
  if (op.kind() == OpKind::kNoOp) return {};
  if (op.key().size() < 1 || op.key().size() > 4096) return ErrorCode::kKeyLength;
  if (op.value().size() > 1048576) return ErrorCode::kValueLength;
  return {};
}

}  // namespace

std::optional<std::uint64_t> ModelReplica::TermAt(std::uint64_t index) const {
  if (index < base || index > Last()) return std::nullopt;
  return index == base ? base_term : log[index - base - 1].term;
}

std::vector<ModelEntry> ModelReplica::EntriesAfter(std::uint64_t index) const {
  return {log.begin() + static_cast<std::ptrdiff_t>(index - base), log.end()};
}

std::uint64_t ModelReplica::Append(Op op) {
  log.push_back({term, std::move(op)});
  return Last();
}

void ModelReplica::InstallSnapshot(const ModelReplica& leader) {
  map = leader.map;
  commit_index = leader.commit_index;
  base = leader.commit_index;
  base_term = *leader.TermAt(leader.commit_index);
  log = leader.EntriesAfter(leader.commit_index);
}

void ModelReplica::TruncateAndReplay(const ModelReplica& leader, std::uint64_t agreed) {
  EXPECT_GE(agreed, commit_index);
  log.erase(log.begin() + static_cast<std::ptrdiff_t>(agreed - base), log.end());
  for (const ModelEntry& entry : leader.EntriesAfter(agreed)) log.push_back(entry);
}

void ModelReplica::CommitTo(std::uint64_t index) {
  for (; commit_index < index; ++commit_index) {
    const Op& op = log[commit_index - base].op;
    if (op.kind() == OpKind::kPut) map[ToBytes(op.key())] = ToBytes(op.value());
    if (op.kind() == OpKind::kDel) map.erase(ToBytes(op.key()));
  }
}

void ModelReplica::Compact() {
  base_term = *TermAt(commit_index);
  log = EntriesAfter(commit_index);
  base = commit_index;
}

Bytes ModelReplica::DumpState() const {
  Bytes out = {'D', 'K', 'V', 'S'};
  PutLe(1, 4, out);
  PutLe(commit_index, 8, out);
  PutLe(*TermAt(commit_index), 8, out);
  PutLe(map.size(), 8, out);
  for (const auto& [key, value] : map) {
    PutByteString(key, out);
    PutByteString(value, out);
  }
  return out;
}

Bytes ModelReplica::LogBytes() const {
  Bytes out;
  std::uint64_t index = base;
  for (const ModelEntry& entry : log) {
    PutLe(++index, 8, out);
    PutLe(entry.term, 8, out);
    out.push_back(static_cast<std::uint8_t>(entry.op.kind()));
    if (entry.op.kind() != OpKind::kNoOp) PutByteString(ToBytes(entry.op.key()), out);
    if (entry.op.kind() == OpKind::kPut) PutByteString(ToBytes(entry.op.value()), out);
  }
  return out;
}

Model::Model(std::size_t size) : replicas_(size) { replicas_[0].role = Role::kLeader; }

Result<Outcome> Model::Propose(const Op& op) {
  if (const Status status = CheckLimits(op); !status.ok()) return status.code();
  if (IsIsolated(leader_)) return ErrorCode::kNoLeader;
  const std::uint64_t index = replicas_[leader_].Append(op);
  Settle();
  const bool committed = index <= replicas_[leader_].commit_index;
  counts_.pending += committed ? 0 : 1;
  return Outcome{committed, index, term_};
}

Result<Outcome> Model::ProposeAt(ReplicaId id, const Op& op) {
  if (id >= size()) return ErrorCode::kUnknownReplica;
  if (const Status status = CheckLimits(op); !status.ok()) return status.code();
  if (replicas_[id].role != Role::kLeader) return ErrorCode::kNotLeader;
  if (!IsIsolated(id)) return Propose(op);
  return Outcome{false, replicas_[id].Append(op), replicas_[id].term};
}

void Model::Partition(const std::vector<ReplicaId>& ids) {
  isolated_.insert(ids.begin(), ids.end());
  Settle();
}

void Model::HealIds(const std::vector<ReplicaId>& ids) {
  for (const ReplicaId id : ids) isolated_.erase(id);
  Settle();
}

void Model::CompactIds(const std::vector<ReplicaId>& ids) {
  for (const ReplicaId id : ids) replicas_[id].Compact();
}

std::vector<ReplicaId> Model::all_ids() const {
  std::vector<ReplicaId> ids;
  for (ReplicaId id = 0; id < size(); ++id) ids.push_back(id);
  return ids;
}

std::vector<ReplicaId> Model::Reachable() const {
  std::vector<ReplicaId> ids = all_ids();
  std::erase_if(ids, [this](ReplicaId id) { return IsIsolated(id); });
  return ids;
}

void Model::Settle() {
  if (IsIsolated(leader_) && HasQuorum()) Elect();
  if (IsIsolated(leader_)) {
    ++counts_.leaderless;
    for (const ReplicaId id : Reachable()) StepDown(replicas_[id]);
    return;
  }
  for (const ReplicaId id : Reachable()) {
    if (id != leader_) CatchUp(replicas_[id]);
  }
  ModelReplica& leader = replicas_[leader_];
  if (HasQuorum()) {
    counts_.pending_committed += leader.Last() > leader.commit_index + 1 ? 1 : 0;
    leader.CommitTo(leader.Last());
  }
  for (const ReplicaId id : Reachable()) replicas_[id].CommitTo(leader.commit_index);
}

void Model::Elect() {
  const std::vector<ReplicaId> reachable = Reachable();
  const auto log_end = [this](ReplicaId id) {
    return std::pair(replicas_[id].LastTerm(), replicas_[id].Last());
  };
  leader_ = reachable[0];
  for (const ReplicaId id : reachable) {
    if (log_end(id) > log_end(leader_)) leader_ = id;
  }
  ++term_;
  ++counts_.elections;
  counts_.elections_won_against_longer_log +=
      std::ranges::any_of(
          reachable,
          [this](ReplicaId id) { return replicas_[id].Last() > replicas_[leader_].Last(); })
          ? 1
          : 0;
  for (const ReplicaId id : reachable) {
    replicas_[id].term = term_;
    replicas_[id].role = id == leader_ ? Role::kLeader : Role::kFollower;
  }
  replicas_[leader_].Append(Op::NoOp());
}

void Model::StepDown(ModelReplica& replica) {
  counts_.demotions += replica.role == Role::kLeader ? 1 : 0;
  replica.role = Role::kFollower;
}

void Model::CatchUp(ModelReplica& replica) {
  const ModelReplica& leader = replicas_[leader_];
  replica.term = term_;
  StepDown(replica);
  const std::uint64_t b = std::max(replica.base, leader.base);
  if (replica.Last() < b || replica.TermAt(b) != leader.TermAt(b)) {
    ++counts_.snapshots;
    replica.InstallSnapshot(leader);
    return;
  }
  // Logs that have the same term at an index agree up to it.
  std::uint64_t m = std::min(replica.Last(), leader.Last());
  while (replica.TermAt(m) != leader.TermAt(m)) --m;
  counts_.truncations += m < replica.Last() ? 1 : 0;
  replica.TruncateAndReplay(leader, m);
}

void Model::ExpectSame(const Cluster& cluster) const {
  ASSERT_EQ(cluster.leader(), leader_);
  ASSERT_EQ(cluster.term(), term_);
  ASSERT_EQ(cluster.quorum(), size() / 2 + 1);
  ASSERT_EQ(cluster.isolated_ids(), std::vector<ReplicaId>(isolated_.begin(), isolated_.end()));
  for (const ReplicaId id : all_ids()) {
    const ModelReplica& expected = replicas_[id];
    const Replica& actual = *cluster.replica(id);
    ASSERT_EQ(actual.id(), id);
    ASSERT_EQ(cluster.IsPartitioned(id).value(), IsIsolated(id)) << id;
    ASSERT_EQ(actual.role(), expected.role) << id;
    ASSERT_EQ(actual.term(), expected.term) << id;
    ASSERT_EQ(actual.base(), expected.base) << id;
    ASSERT_EQ(actual.last(), expected.Last()) << id;
    ASSERT_EQ(actual.last_term(), expected.LastTerm()) << id;
    ASSERT_EQ(actual.commit_index(), expected.commit_index) << id;
    for (std::uint64_t i = std::max<std::uint64_t>(expected.base, 1) - 1; i <= expected.Last() + 1;
         ++i) {
      ASSERT_EQ(actual.TermAt(i), expected.TermAt(i)) << id << " at " << i;
    }
    ASSERT_EQ(actual.DumpState(), expected.DumpState()) << id;
    ASSERT_EQ(actual.SnapshotHash(), Sha256Hex(expected.DumpState())) << id;
    ASSERT_EQ(actual.LogHash(), Sha256Hex(expected.LogBytes())) << id;
  }
}

}  // namespace dkv20::testing
