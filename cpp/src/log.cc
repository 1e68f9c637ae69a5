#include "dkv20/log.h"

#include <algorithm>

namespace dkv20 {

void SharedEntries::Hold(std::uint64_t first, std::uint64_t last) noexcept {
  DKV20_CHECK(first >= first_ && last < end());
  const std::size_t begin = BeginPiece(first);
  const std::size_t behind = BeginPiece(last + 1);
  for (std::size_t at = begin; at < behind; ++at) ++pieces_[at].holders;
  JoinPieces(begin);
}

void SharedEntries::Release(std::uint64_t first, std::uint64_t last) noexcept {
  DKV20_CHECK(first >= first_ && last < end());
  const std::size_t begin = BeginPiece(first);
  const std::size_t behind = BeginPiece(last + 1);
  for (std::size_t at = begin; at < behind; ++at) {
    if (--pieces_[at].holders > 0) continue;
    for (std::uint64_t i = pieces_[at].first; i < PieceEnd(at); ++i) ops_[Position(i)] = Op();
  }
  JoinPieces(begin);
  if (pieces_.back().holders == 0) {
    ops_.resize(Position(pieces_.back().first));
    pieces_.pop_back();
  }
  if (!pieces_.empty() && pieces_.front().holders == 0) {
    const std::uint64_t held = PieceEnd(0);
    ops_.erase(ops_.begin(), ops_.begin() + static_cast<std::ptrdiff_t>(Position(held)));
    first_ = held;
    pieces_.erase(pieces_.begin());
  }
}

std::size_t SharedEntries::BeginPiece(std::uint64_t index) noexcept {
  if (index == end()) return pieces_.size();
  std::size_t at = pieces_.size() - 1;
  while (pieces_[at].first > index) --at;
  if (pieces_[at].first == index) return at;
  const Piece piece{index, pieces_[at].holders};
  pieces_.insert(pieces_.begin() + static_cast<std::ptrdiff_t>(at + 1), piece);
  return at + 1;
}

void SharedEntries::JoinPieces(std::size_t at) noexcept {
  const auto begin = pieces_.begin() + static_cast<std::ptrdiff_t>(at == 0 ? 0 : at - 1);
  const auto end = std::unique(
      begin, pieces_.end(), [](const Piece& a, const Piece& b) { return a.holders == b.holders; });
  pieces_.erase(end, pieces_.end());
}

void Log::swap(Log& other) noexcept {
  std::swap(base_, other.base_);
  std::swap(base_term_, other.base_term_);
  runs_.swap(other.runs_);
}

std::optional<std::uint64_t> Log::TermAt(std::uint64_t index) const noexcept {
  if (index < base_ || index > last()) return std::nullopt;
  return index == base_ ? base_term_ : runs_[RunAt(index)].term;
}

void Log::Append(std::uint64_t term, Op op) noexcept {
  DKV20_CHECK(term >= last_term());
  if (runs_.empty() || runs_.back().term != term) {
    const std::uint64_t first = last() + 1;
    runs_.push_back({term, first, last(), std::make_shared<SharedEntries>(first)});
  }
  Run& run = runs_.back();
  DKV20_CHECK(run.entries->end() == run.last + 1);
  run.entries->Append(std::move(op));
  ++run.last;
}

std::optional<std::uint64_t> Log::Agreement(const Log& other) const noexcept {
  const std::uint64_t floor = std::max(base_, other.base_);
  std::uint64_t index = std::min(last(), other.last());
  std::size_t mine = runs_.size();
  std::size_t theirs = other.runs_.size();
  while (index >= floor) {
    while (FirstBelow(mine) > index) --mine;
    while (other.FirstBelow(theirs) > index) --theirs;
    if (TermBelow(mine) == other.TermBelow(theirs)) return index;
    // Down to the nearer beginning the two terms stay as they are, and differ.
    const std::uint64_t first = std::max(FirstBelow(mine), other.FirstBelow(theirs));
    if (first <= floor) break;
    index = first - 1;
  }
  return std::nullopt;
}

void Log::Truncate(std::uint64_t index) noexcept {
  DKV20_CHECK(index >= base_);
  while (last() > index) {
    Run& run = runs_.back();
    const std::uint64_t first = std::max(run.first, index + 1);
    run.entries->Release(first, run.last);
    run.last = first - 1;
    if (run.last < run.first) runs_.pop_back();
  }
}

void Log::ExtendFrom(const Log& leader) noexcept {
  DKV20_CHECK(last() >= leader.base_);
  if (last() >= leader.last()) return;
  for (std::size_t at = leader.RunAt(last() + 1); at < leader.runs_.size(); ++at) {
    const Run& run = leader.runs_[at];
    const std::uint64_t first = last() + 1;
    run.entries->Hold(first, run.last);
    if (!runs_.empty() && runs_.back().entries == run.entries) {
      runs_.back().last = run.last;
    } else {
      runs_.push_back({run.term, first, run.last, run.entries});
    }
  }
}

void Log::Compact(std::uint64_t index) noexcept {
  DKV20_CHECK(index >= base_ && index <= last());
  auto run = runs_.begin();
  while (base_ < index) {
    base_ = std::min(run->last, index);
    base_term_ = run->term;
    run->entries->Release(run->first, base_);
    run->first = base_ + 1;
    if (run->first > run->last) ++run;
  }
  runs_.erase(runs_.begin(), run);
}

void Log::Reset(std::uint64_t base, std::uint64_t base_term) noexcept {
  Clear();
  base_ = base;
  base_term_ = base_term;
}

std::size_t Log::RunAt(std::uint64_t index) const noexcept {
  std::size_t at = runs_.size() - 1;
  while (runs_[at].first > index) --at;
  return at;
}

std::uint64_t Log::TermBelow(std::size_t end) const noexcept {
  return end == 0 ? base_term_ : runs_[end - 1].term;
}

std::uint64_t Log::FirstBelow(std::size_t end) const noexcept {
  return end == 0 ? base_ : runs_[end - 1].first;
}

void Log::Clear() noexcept {
  for (const Run& run : runs_) run.entries->Release(run.first, run.last);
  runs_.clear();
}

}  // namespace dkv20
