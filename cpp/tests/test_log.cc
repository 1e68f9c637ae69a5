#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "dkv20/log.h"
#include "dkv20/splitmix64.h"
#include "support.h"

namespace dkv20 {
namespace {

using testing::Repeated;

std::vector<std::uint64_t> Terms(const Log& log) {
  std::vector<std::uint64_t> terms;
  log.ForEach(log.base() + 1, log.last(), [&](std::uint64_t index, std::uint64_t term, const Op&) {
    EXPECT_EQ(index, log.base() + terms.size() + 1);
    terms.push_back(term);
  });
  return terms;
}

TEST(Log, BeginsBeforeTheFirstEntry) {
  const Log log;
  EXPECT_EQ(log.last(), 0U);
  EXPECT_EQ(log.last_term(), 0U);
  EXPECT_EQ(log.TermAt(0), 0U);
  EXPECT_EQ(log.TermAt(1), std::nullopt);
}

TEST(Log, AppendCompactTruncate) {
  Log log;
  for (const std::uint64_t term : {1U, 1U, 2U, 4U, 4U}) log.Append(term, Op::NoOp());
  EXPECT_EQ(Terms(log), (std::vector<std::uint64_t>{1, 1, 2, 4, 4}));
  log.Compact(3);
  EXPECT_EQ(log.base(), 3U);
  EXPECT_EQ(log.base_term(), 2U);
  EXPECT_EQ(log.TermAt(2), std::nullopt);
  EXPECT_EQ(log.TermAt(3), 2U);
  EXPECT_EQ(log.TermAt(4), 4U);
  log.Truncate(4);
  EXPECT_EQ(log.last(), 4U);
  EXPECT_EQ(log.TermAt(5), std::nullopt);
  log.Compact(4);
  EXPECT_EQ(log.last(), 4U);
  EXPECT_EQ(log.last_term(), 4U);
  log.Append(4, Op::NoOp());
  EXPECT_EQ(Terms(log), (std::vector<std::uint64_t>{4}));
}

TEST(Log, MovesWithItsEntries) {
  Log log;
  log.Append(1, Op::NoOp());
  log.Compact(1);
  log.Append(2, Op::Del(Repeated(100)));
  Log moved(std::move(log));
  EXPECT_EQ(Terms(moved), (std::vector<std::uint64_t>{2}));
  EXPECT_EQ(moved.base_term(), 1U);
  Log assigned;
  assigned = std::move(moved);
  EXPECT_EQ(assigned.base(), 1U);
  EXPECT_EQ(assigned.last(), 2U);
  EXPECT_EQ(assigned.TermAt(2), 2U);
}

// A broken invariant ends the process in every build, and says which one.
TEST(LogDeathTest, NamesTheInvariantThatDoesNotHold) {
  Log log;
  log.Append(2, Op::NoOp());
  EXPECT_DEATH(log.Append(1, Op::NoOp()), "log.cc:[0-9]+: does not hold: term >= last_term");
}

// Two logs part after index 3, where one went on in term 1 and the other in terms 2 and 3.
TEST(Log, AgreementAndExtend) {
  Log leader;
  for (int i = 0; i < 3; ++i) leader.Append(1, Op::NoOp());
  Log other;
  other.ExtendFrom(leader);
  EXPECT_EQ(leader.Agreement(other), 3U);
  Log deposed;
  deposed.ExtendFrom(leader);
  for (int i = 0; i < 9; ++i) leader.Append(1, Op::NoOp());
  deposed.ExtendFrom(leader);
  other.Append(2, Op::NoOp());
  other.Append(3, Op::NoOp());
  EXPECT_EQ(other.Agreement(deposed), 3U);
  EXPECT_EQ(deposed.Agreement(other), 3U);

  // Below the base nothing is known; at the base the term is.
  other.Compact(4);
  EXPECT_EQ(deposed.Agreement(other), std::nullopt);
  deposed.Truncate(3);
  EXPECT_EQ(deposed.Agreement(other), std::nullopt);
  Log third;
  third.Reset(4, 2);
  EXPECT_EQ(third.Agreement(other), 4U);
  third.ExtendFrom(other);
  EXPECT_EQ(Terms(third), (std::vector<std::uint64_t>{3}));
}

TEST(Log, CompactedWholeGoesOnInTheSameTerm) {
  Log leader;
  Log follower;
  leader.Append(1, Op::NoOp());
  follower.ExtendFrom(leader);
  leader.Compact(1);
  leader.Append(1, Op::NoOp());
  EXPECT_EQ(follower.Agreement(leader), 1U);
  follower.ExtendFrom(leader);
  leader.Append(1, Op::NoOp());
  follower.ExtendFrom(leader);
  EXPECT_EQ(Terms(follower), (std::vector<std::uint64_t>{1, 1, 1}));
  follower.Truncate(2);
  EXPECT_EQ(follower.Agreement(leader), 2U);
  follower.Truncate(1);
  EXPECT_EQ(follower.Agreement(leader), 1U);
}

TEST(SharedEntries, FreesWhatNobodyHolds) {
  SharedEntries entries(5);
  for (int i = 0; i < 6; ++i) entries.Append(Op::Del(Repeated(20)));
  EXPECT_EQ(entries.end(), 11U);
  entries.Hold(5, 8);
  entries.Release(7, 10);  // The first log keeps 5 and 6, the second 5 to 8.
  EXPECT_EQ(entries.size(), 4U);
  EXPECT_EQ(entries.end(), 9U);
  entries.Release(5, 6);
  EXPECT_EQ(entries.size(), 4U);
  entries.Release(5, 6);
  EXPECT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries.at(7), Op::Del(Repeated(20)));
  entries.Release(7, 8);
  EXPECT_EQ(entries.size(), 0U);
}

// Six holders take and give up ranges as logs do, the first of them as a leader's, and what is
// kept is what a count for each entry would keep.
TEST(SharedEntries, CountsPiecesAsOneByOne) {
  struct Span {
    std::uint64_t first, last;  // None where first > last.
  };
  const auto op = [](std::uint64_t index) {
    return Op::Del(Repeated(20 + static_cast<std::size_t>(index % 50)));
  };
  SplitMix64 draws(1);
  SharedEntries entries(1);
  entries.Append(op(1));
  std::vector<Span> spans(6, Span{1, 0});
  Span& leader = spans[0];
  leader.last = 1;
  std::uint64_t gaps = 0;
  for (int step = 0; step < 20000; ++step) {
    Span& span = spans[draws.Next() % spans.size()];
    const std::uint64_t held = span.last + 1 - span.first;
    const std::uint64_t many = draws.Next() % 20;
    switch (draws.Next() % 3) {
      case 0:
        if (&span == &leader) {
          for (std::uint64_t i = 0; i < many; ++i) entries.Append(op(++leader.last));
          break;
        }
        if (span.last + 1 < leader.first) {  // A snapshot takes it to where the leader begins.
          if (held > 0) entries.Release(span.first, span.last);
          span = {leader.first, leader.first - 1};
        }
        if (span.last == leader.last) break;
        entries.Hold(span.last + 1, leader.last);
        span.last = leader.last;
        break;
      case 1: {
        const std::uint64_t part = std::min(many, &span == &leader ? held - 1 : held);
        if (part == 0) break;
        entries.Release(span.first, span.first + part - 1);
        span.first += part;
        break;
      }
      default: {
        const std::uint64_t part = &span == &leader ? 0 : std::min(many, held);
        if (part == 0) break;
        entries.Release(span.last + 1 - part, span.last);
        span.last -= part;
      }
    }
    std::vector<int> holders(leader.last + 1);
    for (const Span& each : spans) {
      for (std::uint64_t i = each.first; i <= each.last; ++i) ++holders[i];
    }
    std::uint64_t first = 1;
    while (holders[first] == 0) ++first;
    ASSERT_EQ(entries.end(), leader.last + 1) << "step " << step;
    ASSERT_EQ(entries.size(), leader.last + 1 - first) << "step " << step;
    for (std::uint64_t i = first; i <= leader.last; ++i) {
      ASSERT_EQ(entries.at(i), holders[i] == 0 ? Op() : op(i)) << "step " << step;
      if (holders[i] == 0) ++gaps;
    }
  }
  EXPECT_GT(gaps, 0U);
}

// Entries are held once: a follower's are the leader's own.
TEST(Log, SharesEntries) {
  Log leader;
  leader.Append(1, Op::Del(Repeated(100)));
  Log follower;
  follower.ExtendFrom(leader);
  const Op* mine = nullptr;
  const Op* theirs = nullptr;
  leader.ForEach(1, 1, [&](std::uint64_t, std::uint64_t, const Op& op) { mine = &op; });
  follower.ForEach(1, 1, [&](std::uint64_t, std::uint64_t, const Op& op) { theirs = &op; });
  EXPECT_EQ(mine, theirs);
}

}  // namespace
}  // namespace dkv20
