#include "dkv20/replica.h"

#include <algorithm>
#include <utility>

#include "check.h"
#include "dump.h"
#include "log.h"
#include "ordered_map.h"
#include "sha256.h"

namespace dkv20 {
namespace {

// Applies one op to a map (definition, section 2).
void Apply(const Op& op, OrderedMap& map) noexcept {
  switch (op.kind()) {
    case OpKind::kNoOp:
      return;
    case OpKind::kPut:
      map.Put(op.key(), op.value());
      return;
    case OpKind::kDel:
      map.Remove(op.key());
      return;
  }
}

}  // namespace

std::string_view RoleName(Role role) noexcept {
  return role == Role::kLeader ? "leader" : "follower";
}

Replica::Replica(ReplicaId id) noexcept
    : id_(id), log_(std::make_unique<Log>()), map_(std::make_unique<OrderedMap>()) {}
Replica::Replica(Replica&& other) noexcept = default;
Replica& Replica::operator=(Replica&& other) noexcept = default;
Replica::~Replica() = default;

std::uint64_t Replica::base() const noexcept { return log_->base(); }
std::uint64_t Replica::last() const noexcept { return log_->last(); }
std::uint64_t Replica::last_term() const noexcept { return log_->last_term(); }
std::optional<std::uint64_t> Replica::TermAt(std::uint64_t index) const noexcept {
  return log_->TermAt(index);
}

std::size_t Replica::key_count() const noexcept { return map_->size(); }
const ByteString* Replica::Get(const ByteString& key) const noexcept { return map_->Get(key); }
void Replica::ForEach(
    const std::function<void(const ByteString& key, const ByteString& value)>& visit) const {
  map_->ForEach(visit);
}
void Replica::ForEachEntry(const std::function<void(const Entry&)>& visit) const {
  log_->ForEach(base() + 1, last(), [&](std::uint64_t index, std::uint64_t term, const Op& op) {
    visit({index, term, op});
  });
}

Bytes Replica::DumpState() const noexcept {
  return dkv20::DumpState(commit_index_, CommitTerm(), *map_);
}

std::string Replica::SnapshotHash() const noexcept {
  return dkv20::SnapshotHash(commit_index_, CommitTerm(), *map_);
}

std::string Replica::LogHash() const noexcept {
  HashWriter writer;
  Bytes encoding;
  log_->ForEach(base() + 1, last(), [&](std::uint64_t index, std::uint64_t term, const Op& op) {
    writer.PutU64Le(index);
    writer.PutU64Le(term);
    encoding.clear();
    op.Encode(encoding);
    writer.Append(encoding);
  });
  return writer.FinishHex();
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

std::uint64_t Replica::Append(Op op) noexcept {
  DKV20_CHECK(op.CheckLimits().ok());
  return log_->Append(term_, std::move(op));
}

void Replica::CatchUp(const Replica& leader) noexcept {
  const std::uint64_t common = std::max(base(), leader.base());
  if (last() < common || TermAt(common) != leader.TermAt(common)) {
    InstallSnapshot(leader);
  } else {
    TruncateAndReplay(leader);
  }
}

// The map and the log are replaced: entries after the leader's commit index are pending there.
void Replica::InstallSnapshot(const Replica& leader) noexcept {
  map_ = std::make_unique<OrderedMap>(*leader.map_);
  commit_index_ = leader.commit_index_;
  log_ = std::make_unique<Log>(commit_index_, leader.CommitTerm());
  log_->Extend(*leader.log_);
}

// Drops the entries after the last index at which the two logs agree.
void Replica::TruncateAndReplay(const Replica& leader) noexcept {
  const std::uint64_t agreed = log_->Agreement(*leader.log_);
  DKV20_CHECK(agreed >= commit_index_);  // A committed entry is never dropped.
  log_->Truncate(agreed);
  log_->Extend(*leader.log_);
}

void Replica::CommitTo(std::uint64_t index) noexcept {
  DKV20_CHECK(index >= commit_index_ && index <= last());
  log_->ForEach(commit_index_ + 1, index,
                [this](std::uint64_t, std::uint64_t, const Op& op) { Apply(op, *map_); });
  commit_index_ = index;
}

void Replica::Compact() noexcept { log_->Compact(commit_index_); }

std::uint64_t Replica::CommitTerm() const noexcept {
  const std::optional<std::uint64_t> term = TermAt(commit_index_);
  DKV20_CHECK(term.has_value());
  return *term;
}

}  // namespace dkv20
