#include "log.h"

namespace dkv20 {

void Chunk::Acquire(std::uint64_t first, std::uint64_t last) noexcept {
  DKV20_CHECK(first >= first_ && last < end());
  const std::size_t begin = SplitAt(first);
  const std::size_t end = SplitAt(last + 1);
  for (std::size_t at = begin; at < end; ++at) ++ranges_[at].owners;
  MergeRanges(begin);
}

void Chunk::Release(std::uint64_t first, std::uint64_t last) noexcept {
  DKV20_CHECK(first >= first_ && last < end());
  const std::size_t begin = SplitAt(first);
  const std::size_t end = SplitAt(last + 1);
  for (std::size_t at = begin; at < end; ++at) {
    if (--ranges_[at].owners > 0) continue;
    for (std::uint64_t i = ranges_[at].first; i < RangeEnd(at); ++i) ops_[Position(i)] = Op();
  }
  MergeRanges(begin);
  if (ranges_.back().owners == 0) {
    ops_.resize(Position(ranges_.back().first));
    ranges_.pop_back();
  }
  if (!ranges_.empty() && ranges_.front().owners == 0) {
    const std::uint64_t owned = RangeEnd(0);
    ops_.erase(ops_.begin(), ops_.begin() + static_cast<std::ptrdiff_t>(Position(owned)));
    first_ = owned;
    ranges_.erase(ranges_.begin());
  }
}

std::size_t Chunk::SplitAt(std::uint64_t index) noexcept {
  if (index == end()) return ranges_.size();
  std::size_t at = ranges_.size() - 1;
  while (ranges_[at].first > index) --at;
  if (ranges_[at].first == index) return at;
  const Range range{index, ranges_[at].owners};
  ranges_.insert(ranges_.begin() + static_cast<std::ptrdiff_t>(at + 1), range);
  return at + 1;
}

void Chunk::MergeRanges(std::size_t at) noexcept {
  const auto begin = ranges_.begin() + static_cast<std::ptrdiff_t>(at == 0 ? 0 : at - 1);
  const auto end = std::unique(begin, ranges_.end(),
                               [](const Range& a, const Range& b) { return a.owners == b.owners; });
  ranges_.erase(end, ranges_.end());
}

std::uint64_t Log::Append(std::uint64_t term, Op op) noexcept {
  DKV20_CHECK(term >= last_term());
  if (runs_.empty() || runs_.back().term != term) {
    const std::uint64_t first = last() + 1;
    runs_.push_back({term, first, last(), std::make_shared<Chunk>(first)});
  }
  Run& run = runs_.back();
  DKV20_CHECK(run.chunk->end() == run.last + 1);
  run.chunk->Append(std::move(op));
  return ++run.last;
}

std::uint64_t Log::Agreement(const Log& other) const noexcept {
  std::uint64_t index = std::min(last(), other.last());
  std::size_t mine = runs_.size();
  std::size_t theirs = other.runs_.size();
  while (true) {
    DKV20_CHECK(index >= std::max(base_, other.base_));
    while (FirstOf(mine) > index) --mine;
    while (other.FirstOf(theirs) > index) --theirs;
    if (TermOf(mine) == other.TermOf(theirs)) return index;
    // Neither term changes from here down to where the later of the two runs begins.
    index = std::max(FirstOf(mine), other.FirstOf(theirs)) - 1;
  }
}

void Log::Truncate(std::uint64_t index) noexcept {
  DKV20_CHECK(index >= base_);
  while (last() > index) {
    Run& run = runs_.back();
    const std::uint64_t first = std::max(run.first, index + 1);
    run.chunk->Release(first, run.last);
    run.last = first - 1;
    if (run.last < run.first) runs_.pop_back();
  }
}

void Log::Extend(const Log& leader) noexcept {
  DKV20_CHECK(last() >= leader.base_);
  if (last() >= leader.last()) return;
  for (std::size_t at = leader.RunAt(last() + 1); at < leader.runs_.size(); ++at) {
    const Run& run = leader.runs_[at];
    const std::uint64_t first = last() + 1;
    run.chunk->Acquire(first, run.last);
    if (!runs_.empty() && runs_.back().chunk == run.chunk) {
      runs_.back().last = run.last;
    } else {
      runs_.push_back({run.term, first, run.last, run.chunk});
    }
  }
}

void Log::Compact(std::uint64_t index) noexcept {
  DKV20_CHECK(index >= base_ && index <= last());
  auto run = runs_.begin();
  while (base_ < index) {
    base_ = std::min(run->last, index);
    base_term_ = run->term;
    run->chunk->Release(run->first, base_);
    run->first = base_ + 1;
    if (run->first > run->last) ++run;
  }
  runs_.erase(runs_.begin(), run);
}

}  // namespace dkv20
