#include "log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

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

TEST(Log, Empty) {
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

// In every build type.
TEST(LogDeathTest, BrokenInvariantEndsProcess) {
  Log log;
  log.Append(2, Op::NoOp());
  EXPECT_DEATH(log.Append(1, Op::NoOp()), "log.cc:[0-9]+: check failed: term >= last_term");
}

// Two logs agree up to index 3; then one has term 1 and the other terms 2 and 3.
TEST(Log, AgreementAndExtend) {
  Log leader;
  for (int i = 0; i < 3; ++i) leader.Append(1, Op::NoOp());
  Log other;
  other.Extend(leader);
  EXPECT_EQ(leader.Agreement(other), 3U);
  Log deposed;
  deposed.Extend(leader);
  for (int i = 0; i < 9; ++i) leader.Append(1, Op::NoOp());
  deposed.Extend(leader);
  other.Append(2, Op::NoOp());
  other.Append(3, Op::NoOp());
  EXPECT_EQ(other.Agreement(deposed), 3U);
  EXPECT_EQ(deposed.Agreement(other), 3U);

  // The term at a base is known, and no term below it.
  other.Compact(4);
  Log third(4, 2);
  EXPECT_EQ(third.Agreement(other), 4U);
  third.Extend(other);
  EXPECT_EQ(Terms(third), (std::vector<std::uint64_t>{3}));
}

TEST(Log, AppendAfterCompactionInSameTerm) {
  Log leader;
  Log follower;
  leader.Append(1, Op::NoOp());
  follower.Extend(leader);
  leader.Compact(1);
  leader.Append(1, Op::NoOp());
  EXPECT_EQ(follower.Agreement(leader), 1U);
  follower.Extend(leader);
  leader.Append(1, Op::NoOp());
  follower.Extend(leader);
  EXPECT_EQ(Terms(follower), (std::vector<std::uint64_t>{1, 1, 1}));
  follower.Truncate(2);
  EXPECT_EQ(follower.Agreement(leader), 2U);
  follower.Truncate(1);
  EXPECT_EQ(follower.Agreement(leader), 1U);
}

TEST(Chunk, FreesEntriesWithoutOwner) {
  Chunk chunk(5);
  for (int i = 0; i < 6; ++i) chunk.Append(Op::Del(Repeated(20)));
  EXPECT_EQ(chunk.end(), 11U);
  chunk.Acquire(5, 8);
  chunk.Release(7, 10);  // One owner has 5 and 6, another 5 to 8.
  EXPECT_EQ(chunk.size(), 4U);
  EXPECT_EQ(chunk.end(), 9U);
  chunk.Release(5, 6);
  EXPECT_EQ(chunk.size(), 4U);
  chunk.Release(5, 6);
  EXPECT_EQ(chunk.size(), 2U);
  EXPECT_EQ(chunk.at(7), Op::Del(Repeated(20)));
  chunk.Release(7, 8);
  EXPECT_EQ(chunk.size(), 0U);
}

// Six owners, the first of them the leader's log, acquire and release ranges as logs do. The same
// entries are stored as with a count for each entry.
TEST(Chunk, AgreesWithCountPerEntry) {
  struct Span {
    std::uint64_t first, last;  // empty if first > last
  };
  const auto op = [](std::uint64_t index) {
    return Op::Del(Repeated(20 + static_cast<std::size_t>(index % 50)));
  };
  SplitMix64 draws(1);
  Chunk chunk(1);
  chunk.Append(op(1));
  std::vector<Span> spans(6, Span{1, 0});
  Span& leader = spans[0];
  leader.last = 1;
  std::uint64_t gaps = 0;
  for (int step = 0; step < 20000; ++step) {
    Span& span = spans[draws.Next() % spans.size()];
    const std::uint64_t owned = span.last + 1 - span.first;
    const std::uint64_t many = draws.Next() % 20;
    switch (draws.Next() % 3) {
      case 0:
        if (&span == &leader) {
          for (std::uint64_t i = 0; i < many; ++i) chunk.Append(op(++leader.last));
          break;
        }
        if (span.last + 1 < leader.first) {  // A snapshot moves it to the leader's base.
          if (owned > 0) chunk.Release(span.first, span.last);
          span = {leader.first, leader.first - 1};
        }
        if (span.last == leader.last) break;
        chunk.Acquire(span.last + 1, leader.last);
        span.last = leader.last;
        break;
      case 1: {
        const std::uint64_t part = std::min(many, &span == &leader ? owned - 1 : owned);
        if (part == 0) break;
        chunk.Release(span.first, span.first + part - 1);
        span.first += part;
        break;
      }
      default: {
        const std::uint64_t part = &span == &leader ? 0 : std::min(many, owned);
        if (part == 0) break;
        chunk.Release(span.last + 1 - part, span.last);
        span.last -= part;
      }
    }
    std::vector<int> owners(leader.last + 1);
    for (const Span& each : spans) {
      for (std::uint64_t i = each.first; i <= each.last; ++i) ++owners[i];
    }
    std::uint64_t first = 1;
    while (owners[first] == 0) ++first;
    ASSERT_EQ(chunk.end(), leader.last + 1) << "step " << step;
    ASSERT_EQ(chunk.size(), leader.last + 1 - first) << "step " << step;
    for (std::uint64_t i = first; i <= leader.last; ++i) {
      ASSERT_EQ(chunk.at(i), owners[i] == 0 ? Op() : op(i)) << "step " << step;
      if (owners[i] == 0) ++gaps;
    }
  }
  EXPECT_GT(gaps, 0U);
}

TEST(Log, SharesEntries) {
  Log leader;
  leader.Append(1, Op::Del(Repeated(100)));
  Log follower;
  follower.Extend(leader);
  const Op* mine = nullptr;
  const Op* theirs = nullptr;
  leader.ForEach(1, 1, [&](std::uint64_t, std::uint64_t, const Op& op) { mine = &op; });
  follower.ForEach(1, 1, [&](std::uint64_t, std::uint64_t, const Op& op) { theirs = &op; });
  EXPECT_EQ(mine, theirs);
}

}  // namespace
}  // namespace dkv20
