#include "twin.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace dkv20::testing {
namespace {

Bytes BytesOf(const ByteString& bytes) { return {bytes.view().begin(), bytes.view().end()}; }

void PutLe(std::uint64_t value, int width, Bytes& out) {
  for (int i = 0; i < width; ++i) {
    out.push_back(static_cast<std::uint8_t>(value % 256));
    value /= 256;
  }
}

void PutWithLength(const Bytes& bytes, Bytes& out) {
  PutLe(bytes.size(), 4, out);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

std::string Limits(const Op& op) {
  if (op.kind() == OpKind::kNoOp) return "";
  if (op.key().empty() || op.key().size() > 4096) return "key-length";
  return op.value().size() > 1048576 ? "value-length" : "";
}

}  // namespace

std::optional<std::uint64_t> TwinReplica::TermAt(std::uint64_t index) const {
  if (index == base) return base_term;
  if (index < base || index > Last()) return std::nullopt;
  return entries[index - base - 1].term;
}

void TwinReplica::CommitTo(std::uint64_t index) {
  for (; commit < index; ++commit) {
    const Op& op = entries[commit - base].op;
    if (op.kind() == OpKind::kPut) map[BytesOf(op.key())] = BytesOf(op.value());
    if (op.kind() == OpKind::kDel) map.erase(BytesOf(op.key()));
  }
}

Bytes TwinReplica::Dump() const {
  Bytes out = {0x44, 0x4b, 0x56, 0x53};
  PutLe(1, 4, out);
  PutLe(commit, 8, out);
  PutLe(*TermAt(commit), 8, out);
  PutLe(map.size(), 8, out);
  for (const auto& [key, value] : map) {
    PutWithLength(key, out);
    PutWithLength(value, out);
  }
  return out;
}

Bytes TwinReplica::LogBytes() const {
  Bytes out;
  for (std::uint64_t i = base + 1; i <= Last(); ++i) {
    const TwinEntry& entry = entries[i - base - 1];
    PutLe(i, 8, out);
    PutLe(entry.term, 8, out);
    out.push_back(static_cast<std::uint8_t>(entry.op.kind()));
    if (entry.op.kind() != OpKind::kNoOp) PutWithLength(BytesOf(entry.op.key()), out);
    if (entry.op.kind() == OpKind::kPut) PutWithLength(BytesOf(entry.op.value()), out);
  }
  return out;
}

Twin::Twin(std::size_t size) : replicas_(size) { replicas_[0].leads = true; }

std::pair<std::optional<Outcome>, std::string> Twin::Propose(const Op& op) {
  if (const std::string error = Limits(op); !error.empty()) return {std::nullopt, error};
  if (Isolated(leader_)) return {std::nullopt, "no-leader"};
  TwinReplica& leader = replicas_[leader_];
  leader.entries.push_back({leader.term, op});
  const std::uint64_t index = leader.Last();
  Settle();
  const bool committed = index <= leader.commit;
  counts_.pending += committed ? 0 : 1;
  return {Outcome{committed, index, leader.term}, ""};
}

std::pair<std::optional<Outcome>, std::string> Twin::ProposeAt(ReplicaId id, const Op& op) {
  if (id >= replicas_.size()) return {std::nullopt, "unknown-replica"};
  if (const std::string error = Limits(op); !error.empty()) return {std::nullopt, error};
  TwinReplica& replica = replicas_[id];
  if (!replica.leads) return {std::nullopt, "not-leader"};
  if (!Isolated(id)) return Propose(op);
  replica.entries.push_back({replica.term, op});
  return {Outcome{false, replica.Last(), replica.term}, ""};
}

void Twin::Partition(const std::vector<ReplicaId>& ids) {
  isolated_.insert(ids.begin(), ids.end());
  Settle();
}

void Twin::Heal(const std::vector<ReplicaId>& ids) {
  for (const ReplicaId id : ids) isolated_.erase(id);
  Settle();
}

void Twin::Compact(const std::vector<ReplicaId>& ids) {
  for (const ReplicaId id : ids) {
    TwinReplica& replica = replicas_[id];
    const std::uint64_t term = *replica.TermAt(replica.commit);
    const auto dropped = static_cast<std::ptrdiff_t>(replica.commit - replica.base);
    replica.entries.erase(replica.entries.begin(), replica.entries.begin() + dropped);
    replica.base = replica.commit;
    replica.base_term = term;
  }
}

void Twin::Settle() {
  if (Isolated(leader_) && Reachable() >= Quorum()) Elect();
  if (Isolated(leader_)) {
    ++counts_.leaderless;
    for (std::size_t id = 0; id < replicas_.size(); ++id) {
      if (Isolated(id)) continue;
      counts_.demotions += replicas_[id].leads ? 1 : 0;
      replicas_[id].leads = false;
    }
    return;
  }
  for (std::size_t id = 0; id < replicas_.size(); ++id) {
    if (!Isolated(id) && id != leader_) CatchUp(replicas_[id]);
  }
  TwinReplica& leader = replicas_[leader_];
  if (Reachable() >= Quorum()) {
    counts_.pending_committed += leader.Last() > leader.commit + 1 ? 1 : 0;
    leader.CommitTo(leader.Last());
  }
  for (std::size_t id = 0; id < replicas_.size(); ++id) {
    if (!Isolated(id)) replicas_[id].CommitTo(leader.commit);
  }
}

void Twin::Elect() {
  std::optional<std::size_t> best;
  for (std::size_t id = 0; id < replicas_.size(); ++id) {
    if (Isolated(id)) continue;
    const auto rank = [&](std::size_t i) {
      return std::pair(replicas_[i].LastTerm(), replicas_[i].Last());
    };
    if (!best || rank(id) > rank(*best)) best = id;
  }
  leader_ = *best;
  ++term_;
  ++counts_.elections;
  bool longer = false;
  for (std::size_t id = 0; id < replicas_.size(); ++id) {
    if (Isolated(id)) continue;
    longer = longer || replicas_[id].Last() > replicas_[leader_].Last();
    replicas_[id].term = term_;
    replicas_[id].leads = id == leader_;
  }
  counts_.elections_won_against_longer_log += longer ? 1 : 0;
  replicas_[leader_].entries.push_back({term_, Op::NoOp()});
}

void Twin::CatchUp(TwinReplica& replica) {
  const TwinReplica& leader = replicas_[leader_];
  replica.term = leader.term;
  counts_.demotions += replica.leads ? 1 : 0;
  replica.leads = false;
  const std::uint64_t b = std::max(replica.base, leader.base);
  if (replica.Last() < b || replica.TermAt(b) != leader.TermAt(b)) {
    ++counts_.snapshots_for_missing;
    replica.map = leader.map;
    replica.base_term = *leader.TermAt(leader.commit);
    replica.commit = replica.base = leader.commit;
    replica.entries.assign(
        leader.entries.begin() + static_cast<std::ptrdiff_t>(leader.commit - leader.base),
        leader.entries.end());
    return;
  }
  std::uint64_t m = b;
  while (m < std::min(replica.Last(), leader.Last()) &&
         replica.TermAt(m + 1) == leader.TermAt(m + 1)) {
    ++m;
  }
  EXPECT_GE(m, replica.commit);
  counts_.truncations += m < replica.Last() ? 1 : 0;
  replica.entries.resize(m - replica.base, TwinEntry{0, Op::NoOp()});
  replica.entries.insert(replica.entries.end(),
                         leader.entries.begin() + static_cast<std::ptrdiff_t>(m - leader.base),
                         leader.entries.end());
}

void Twin::ExpectSame(const Cluster& cluster) const {
  ASSERT_EQ(cluster.leader(), leader_);
  ASSERT_EQ(cluster.term(), term_);
  ASSERT_EQ(cluster.quorum(), Quorum());
  ASSERT_EQ(cluster.isolated_ids(), std::vector<ReplicaId>(isolated_.begin(), isolated_.end()));
  for (std::size_t id = 0; id < replicas_.size(); ++id) {
    const TwinReplica& mine = replicas_[id];
    const Replica& theirs = *cluster.replica(id);
    ASSERT_EQ(theirs.id(), id);
    ASSERT_EQ(cluster.is_partitioned(id), Isolated(id)) << id;
    ASSERT_EQ(theirs.role() == Role::kLeader, mine.leads) << id;
    ASSERT_EQ(theirs.term(), mine.term) << id;
    ASSERT_EQ(theirs.base(), mine.base) << id;
    ASSERT_EQ(theirs.last(), mine.Last()) << id;
    ASSERT_EQ(theirs.last_term(), mine.LastTerm()) << id;
    ASSERT_EQ(theirs.commit_index(), mine.commit) << id;
    for (std::uint64_t i = mine.base > 0 ? mine.base - 1 : 0; i <= mine.Last() + 1; ++i) {
      ASSERT_EQ(theirs.TermAt(i), mine.TermAt(i)) << id << " at " << i;
    }
    ASSERT_EQ(theirs.DumpState(), mine.Dump()) << id;
    ASSERT_EQ(theirs.SnapshotHash(), Sha256Hex(mine.Dump())) << id;
    ASSERT_EQ(theirs.LogHash(), Sha256Hex(mine.LogBytes())) << id;
  }
}

}  // namespace dkv20::testing
