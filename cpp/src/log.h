// A replica's log, and the entries that the logs of a cluster share (definition, section 3).
//
// A term has one leader, and a leader only appends. So a term and an index identify an entry,
// whichever log it is in, and a log is described by its base and a short list of runs, each the
// entries of one term. The entries themselves are stored once, in chunks that the logs share.

#ifndef DKV20_LOG_H_
#define DKV20_LOG_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "check.h"
#include "dkv20/op.h"

namespace dkv20 {

// Entries of one term at consecutive indexes. Each log that has an entry is one of its owners; an
// entry without owners is freed. Owners are counted per range of entries, not per entry, so
// acquiring or releasing a range costs the number of ranges, apart from freeing the entries.
class Chunk {
 public:
  // An empty chunk, whose first entry will have the index `first`.
  explicit Chunk(std::uint64_t first) noexcept : first_(first) {}

  // Appends an entry with one owner, at index end().
  void Append(Op op) noexcept {
    if (ranges_.empty() || ranges_.back().owners != 1) ranges_.push_back({end(), 1});
    ops_.push_back(std::move(op));
  }

  // Adds or removes one owner of each entry at the indexes first to last.
  void Acquire(std::uint64_t first, std::uint64_t last) noexcept;
  void Release(std::uint64_t first, std::uint64_t last) noexcept;

  // The op at an index that is stored; a NoOp if the entry has no owner.
  [[nodiscard]] const Op& at(std::uint64_t index) const noexcept { return ops_[Position(index)]; }
  // The index after the last entry.
  [[nodiscard]] std::uint64_t end() const noexcept { return first_ + ops_.size(); }
  // The number of entries that are stored.
  [[nodiscard]] std::size_t size() const noexcept { return ops_.size(); }

 private:
  // Entries with the same number of owners, from `first` up to the next range or the end.
  struct Range {
    std::uint64_t first;
    std::uint32_t owners;
  };

  [[nodiscard]] std::size_t Position(std::uint64_t index) const noexcept {
    return static_cast<std::size_t>(index - first_);
  }
  // The index after the last entry of a range.
  [[nodiscard]] std::uint64_t RangeEnd(std::size_t at) const noexcept {
    return at + 1 < ranges_.size() ? ranges_[at + 1].first : end();
  }
  // Returns the position of the range that begins at `index`, after splitting one if needed.
  std::size_t SplitAt(std::uint64_t index) noexcept;
  // Merges neighbours with the same number of owners, from the range before that position on.
  void MergeRanges(std::size_t at) noexcept;

  std::uint64_t first_;
  std::deque<Op> ops_;
  // Ascending, from first_. Neighbours differ in their owners; the first and the last have some.
  std::vector<Range> ranges_;
};

// Entries at the indexes base() + 1 to last(). Terms never decrease from one index to the next.
// Only logs of the same cluster may be compared or extended from one another.
class Log {
 public:
  // An empty log, whose first entry will have the index `base` + 1.
  explicit Log(std::uint64_t base = 0, std::uint64_t base_term = 0) noexcept
      : base_(base), base_term_(base_term) {}
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  ~Log() { Truncate(base_); }

  // The index up to which the log has been compacted.
  [[nodiscard]] std::uint64_t base() const noexcept { return base_; }
  // The index of the last entry; base() if the log is empty.
  [[nodiscard]] std::uint64_t last() const noexcept {
    return runs_.empty() ? base_ : runs_.back().last;
  }
  // The term at last().
  [[nodiscard]] std::uint64_t last_term() const noexcept { return TermOf(runs_.size()); }
  // Returns the term at an index from base() to last(); nothing for other indexes.
  [[nodiscard]] std::optional<std::uint64_t> TermAt(std::uint64_t index) const noexcept {
    if (index < base_ || index > last()) return std::nullopt;
    return index == base_ ? base_term_ : runs_[RunAt(index)].term;
  }

  // Appends an entry and returns its index. `term` must not be below last_term(), and no other
  // log may have an entry of that term that this log lacks. Takes constant time.
  std::uint64_t Append(std::uint64_t term, Op op) noexcept;

  // Returns the greatest index at which the two logs agree (m of section 4.4). They must agree at
  // the greater of their bases. Costs the number of terms above the result, not of entries.
  [[nodiscard]] std::uint64_t Agreement(const Log& other) const noexcept;

  // Drops the entries after `index`, which must not be below base().
  void Truncate(std::uint64_t index) noexcept;

  // Appends the leader's entries after last(), which must not be below the leader's base.
  void Extend(const Log& leader) noexcept;

  // Drops the entries up to `index`, from base() to last(), which becomes the base.
  void Compact(std::uint64_t index) noexcept;

  // Calls visit(index, term, op) for the entries at first to last, which must be in the log
  // unless `last` is `first` - 1.
  template <typename Visit>
  void ForEach(std::uint64_t first, std::uint64_t last, Visit visit) const {
    if (first > last) return;
    DKV20_CHECK(first > base_ && last <= this->last());
    for (std::size_t at = RunAt(first); first <= last; ++at) {
      const Run& run = runs_[at];
      for (const std::uint64_t end = std::min(run.last, last); first <= end; ++first) {
        visit(first, run.term, run.chunk->at(first));
      }
    }
  }

 private:
  // The entries of one term at the indexes first to last, all of them in one chunk. Two runs in a
  // row may have the same term: after a log is compacted whole, it starts a new chunk.
  struct Run {
    std::uint64_t term;
    std::uint64_t first;
    std::uint64_t last;
    std::shared_ptr<Chunk> chunk;
  };

  // Returns the position of the run with that index, searched from the end.
  [[nodiscard]] std::size_t RunAt(std::uint64_t index) const noexcept {
    std::size_t at = runs_.size() - 1;
    while (runs_[at].first > index) --at;
    return at;
  }
  // The first index and the term of the run before position `end`, or those of the base.
  [[nodiscard]] std::uint64_t FirstOf(std::size_t end) const noexcept {
    return end == 0 ? base_ : runs_[end - 1].first;
  }
  [[nodiscard]] std::uint64_t TermOf(std::size_t end) const noexcept {
    return end == 0 ? base_term_ : runs_[end - 1].term;
  }

  std::uint64_t base_;
  // The term of the entry that was at base_, 0 if that is 0.
  std::uint64_t base_term_;
  // Ascending, without gaps from base_ + 1.
  std::vector<Run> runs_;
};

}  // namespace dkv20

#endif  // DKV20_LOG_H_
