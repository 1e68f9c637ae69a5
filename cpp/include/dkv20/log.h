// A replica's log, and the entries that the logs of a cluster share (definition, section 3).
//
// A term has one leader, which only appends. So a term and an index name one entry, whichever
// log it stands in, and a log is fully described by its base and, for each term, how far it goes:
// a short list of runs. The entries themselves are held once, by SharedEntries; a log counts as
// one holder of each of its entries, and an entry without holders is freed.

#ifndef DKV20_LOG_H_
#define DKV20_LOG_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "dkv20/check.h"
#include "dkv20/op.h"

namespace dkv20 {

// The entries of one term at consecutive indexes, counted by the logs that hold them. What is
// counted are pieces, of which there are but a few: that a log takes or gives up many entries
// costs no more than one, apart from the freeing of those that nobody holds any more.
class SharedEntries {
 public:
  // No entries yet; the first to be appended stands at index `first`.
  explicit SharedEntries(std::uint64_t first) noexcept : first_(first) {}

  // Appends an entry with one holder, at index end().
  void Append(Op op) noexcept {
    if (pieces_.empty() || pieces_.back().holders != 1) pieces_.push_back({end(), 1});
    ops_.push_back(std::move(op));
  }

  // One holder more, or less, for each entry at the indexes first to last. Release frees the
  // bytes of each that has none left.
  void Hold(std::uint64_t first, std::uint64_t last) noexcept;
  void Release(std::uint64_t first, std::uint64_t last) noexcept;

  // The op at an index below end() that is kept; a NoOp where nobody holds it.
  [[nodiscard]] const Op& at(std::uint64_t index) const noexcept { return ops_[Position(index)]; }
  // The index after the last entry.
  [[nodiscard]] std::uint64_t end() const noexcept { return first_ + ops_.size(); }
  // How many entries are kept.
  [[nodiscard]] std::size_t size() const noexcept { return ops_.size(); }

 private:
  // Entries with as many holders, from `first` up to the next piece or the end.
  struct Piece {
    std::uint64_t first;
    std::uint32_t holders;
  };

  [[nodiscard]] std::size_t Position(std::uint64_t index) const noexcept {
    return static_cast<std::size_t>(index - first_);
  }
  // The index after the piece at that position.
  [[nodiscard]] std::uint64_t PieceEnd(std::size_t at) const noexcept {
    return at + 1 < pieces_.size() ? pieces_[at + 1].first : end();
  }
  // The position of the piece that begins at `index`, made by parting one where there is none.
  std::size_t BeginPiece(std::uint64_t index) noexcept;
  // Makes one of neighbours with as many holders, from that position on and the one before it.
  void JoinPieces(std::size_t at) noexcept;

  std::uint64_t first_;
  std::deque<Op> ops_;
  // Ascending; the first begins at first_. Neighbours differ in their holders, and the pieces at
  // both ends have some.
  std::vector<Piece> pieces_;
};

// Entries (term, op) at the indexes base() + 1 to last(). Terms never fall from one index to the
// next. Logs that are to be compared or extended from one another must be those of one cluster.
class Log {
 public:
  // Empty, at base 0.
  Log() noexcept = default;
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  Log(Log&& other) noexcept { swap(other); }
  Log& operator=(Log&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Log() { Clear(); }

  void swap(Log& other) noexcept;

  // The index up to which the log has been compacted away, 0 at first.
  [[nodiscard]] std::uint64_t base() const noexcept { return base_; }
  // The term of the entry that stood at base(), 0 at first.
  [[nodiscard]] std::uint64_t base_term() const noexcept { return base_term_; }
  // The index of the last entry; base() where there is none.
  [[nodiscard]] std::uint64_t last() const noexcept {
    return runs_.empty() ? base_ : runs_.back().last;
  }
  // The term at last().
  [[nodiscard]] std::uint64_t last_term() const noexcept {
    return runs_.empty() ? base_term_ : runs_.back().term;
  }
  // The term at an index from base() to last(); nothing outside.
  [[nodiscard]] std::optional<std::uint64_t> TermAt(std::uint64_t index) const noexcept;

  // Appends an entry at last() + 1. `term` must not be below last_term(), and no other log may
  // have an entry of that term which this one has not. Costs the same however long the log is.
  void Append(std::uint64_t term, Op op) noexcept;

  // The m of section 4.4: the greatest index, not below either base, up to which the two logs
  // agree; nothing where there is none. Costs the terms above it, not the length of the log.
  [[nodiscard]] std::optional<std::uint64_t> Agreement(const Log& other) const noexcept;

  // Drops the entries after `index`, which must not be below base().
  void Truncate(std::uint64_t index) noexcept;

  // Appends the entries of `leader` after last(), which must be at or above the leader's base.
  void ExtendFrom(const Log& leader) noexcept;

  // Drops the entries up to `index`, from base() to last(), which becomes the base.
  void Compact(std::uint64_t index) noexcept;

  // Drops all entries and starts again after (base, base_term).
  void Reset(std::uint64_t base, std::uint64_t base_term) noexcept;

  // Calls visit(index, term, op) for the entries at first to last, in order. They must lie
  // between base() + 1 and last(), or `last` must be `first` - 1.
  template <typename Visit>
  void ForEach(std::uint64_t first, std::uint64_t last, Visit visit) const {
    if (first > last) return;
    DKV20_CHECK(first > base_ && last <= this->last());
    for (std::size_t at = RunAt(first); first <= last; ++at) {
      const Run& run = runs_[at];
      for (; first <= run.last && first <= last; ++first) {
        visit(first, run.term, run.entries->at(first));
      }
    }
  }

 private:
  // The entries of one term at indexes first to last, all of them in `entries`. Two runs in a
  // row may have the same term: a log that was compacted whole starts new SharedEntries.
  struct Run {
    std::uint64_t term;
    std::uint64_t first;
    std::uint64_t last;
    std::shared_ptr<SharedEntries> entries;
  };

  // The position in runs_ of the run that holds `index`, searched from the top.
  [[nodiscard]] std::size_t RunAt(std::uint64_t index) const noexcept;
  // The term and first index of what stands below position `end` of runs_: a run, or the base.
  [[nodiscard]] std::uint64_t TermBelow(std::size_t end) const noexcept;
  [[nodiscard]] std::uint64_t FirstBelow(std::size_t end) const noexcept;
  void Clear() noexcept;

  std::uint64_t base_ = 0;
  std::uint64_t base_term_ = 0;
  // Ascending and without gaps from base_ + 1.
  std::vector<Run> runs_;
};

}  // namespace dkv20

#endif  // DKV20_LOG_H_
