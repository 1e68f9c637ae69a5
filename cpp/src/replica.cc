#include "dkv20/replica.h"

#include "dkv20/snapshot.h"
#include "sha256.h"

namespace dkv20 {

std::string_view RoleName(Role role) noexcept {
  return role == Role::kLeader ? "leader" : "follower";
}

void Apply(const Op& op, OrderedMap& map) noexcept {
  switch (op.kind()) {
    case OpKind::kNoOp:
      return;
    case OpKind::kPut:
      map.Put(op.key(), op.value());
      return;
    case OpKind::kDel:
      map.Erase(op.key());
      return;
  }
}

void Replica::BecomeLeader(std::uint64_t term) noexcept {
  DKV20_CHECK(term >= term_);
  term_ = term;
  role_ = Role::kLeader;
}

void Replica::BecomeFollower(std::uint64_t term) noexcept {
  DKV20_CHECK(term >= term_);
  term_ = term;
  role_ = Role::kFollower;
}

void Replica::Append(Op op) noexcept {
  DKV20_CHECK(!CheckLimits(op));
  log_.Append(term_, std::move(op));
}

bool Replica::TruncateAndReplay(const Replica& leader) noexcept {
  const std::optional<std::uint64_t> agreed = log_.Agreement(leader.log_);
  if (!agreed) return false;
  DKV20_CHECK(*agreed >= commit_index_);
  log_.Truncate(*agreed);
  log_.ExtendFrom(leader.log_);
  return true;
}

void Replica::InstallSnapshot(const Replica& leader) noexcept {
  map_ = leader.map_;
  commit_index_ = leader.commit_index_;
  log_.Reset(commit_index_, leader.CommitTerm());
  log_.ExtendFrom(leader.log_);
}

void Replica::AdvanceCommit(std::uint64_t index) noexcept {
  DKV20_CHECK(index >= commit_index_ && index <= last());
  log_.ForEach(commit_index_ + 1, index,
               [this](std::uint64_t, std::uint64_t, const Op& op) { Apply(op, map_); });
  commit_index_ = index;
}

Bytes Replica::DumpState() const noexcept {
  return dkv20::DumpState(commit_index_, CommitTerm(), map_);
}

std::string Replica::SnapshotHash() const noexcept {
  return dkv20::SnapshotHash(commit_index_, CommitTerm(), map_);
}

std::string Replica::LogHash() const noexcept {
  HashWriter writer;
  log_.ForEach(base() + 1, last(), [&](std::uint64_t index, std::uint64_t term, const Op& op) {
    writer.PutU64Le(index);
    writer.PutU64Le(term);
    Encode(op, writer);
  });
  return writer.FinishHex();
}

std::uint64_t Replica::CommitTerm() const noexcept {
  const std::optional<std::uint64_t> term = TermAt(commit_index_);
  DKV20_CHECK(term.has_value());
  return *term;
}

}  // namespace dkv20
