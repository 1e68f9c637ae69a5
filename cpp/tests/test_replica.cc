#include <gtest/gtest.h>

#include "dkv20/replica.h"
#include "support.h"

namespace dkv20 {
namespace {

using testing::Del;
using testing::Put;
using testing::Str;

TEST(Replica, Apply) {
  OrderedMap map;
  Apply(Put("a", "1"), map);
  Apply(Op::NoOp(), map);
  Apply(Del("b"), map);
  ASSERT_EQ(map.size(), 1U);
  EXPECT_EQ(*map.Find(Str("a")), Str("1"));
  Apply(Del("a"), map);
  EXPECT_TRUE(map.empty());
}

TEST(Replica, AppliesOnlyWhatIsCommittedAndOnce) {
  Replica replica(0, Role::kLeader);
  replica.Append(Put("a", "1"));
  replica.Append(Put("b", "1"));
  replica.Append(Del("a"));
  EXPECT_EQ(replica.key_count(), 0U);
  replica.AdvanceCommit(2);
  EXPECT_EQ(replica.key_count(), 2U);
  replica.AdvanceCommit(2);
  replica.AdvanceCommit(3);
  EXPECT_EQ(replica.key_count(), 1U);
  EXPECT_EQ(replica.commit_index(), 3U);
}

TEST(Replica, TruncateAndReplay) {
  Replica leader(0, Role::kLeader);
  leader.Append(Put("a", "1"));
  Replica follower(1, Role::kFollower);
  ASSERT_TRUE(follower.TruncateAndReplay(leader));
  follower.AdvanceCommit(1);
  leader.Append(Put("stale", "1"));  // Heard by nobody.
  leader.Append(Put("stale", "2"));
  follower.BecomeLeader(2);
  follower.Append(Op::NoOp());
  ASSERT_TRUE(leader.TruncateAndReplay(follower));
  EXPECT_EQ(leader.last(), 2U);
  EXPECT_EQ(leader.last_term(), 2U);
  EXPECT_EQ(leader.LogHash(), follower.LogHash());

  follower.AdvanceCommit(2);
  follower.Compact();
  Replica late(2, Role::kFollower);
  EXPECT_FALSE(late.TruncateAndReplay(follower));
  EXPECT_EQ(late.last(), 0U);
}

TEST(Replica, SnapshotReplacesWhatStoodThere) {
  Replica leader(0, Role::kLeader);
  leader.Append(Put("a", "1"));
  leader.Append(Put("pending", "1"));
  leader.AdvanceCommit(1);
  Replica other(1, Role::kLeader);  // Of another past: all of it goes.
  other.Append(Put("old", "1"));
  other.AdvanceCommit(1);
  other.InstallSnapshot(leader);
  EXPECT_EQ(other.key_count(), 1U);
  EXPECT_EQ(other.base(), 1U);
  EXPECT_EQ(other.commit_index(), 1U);
  EXPECT_EQ(other.last(), 2U);
  EXPECT_EQ(other.TermAt(1), 1U);
  EXPECT_EQ(other.DumpState(), leader.DumpState());
}

TEST(Replica, LogHashCoversIndexTermAndOp) {
  Replica replica(0, Role::kLeader);
  EXPECT_EQ(replica.LogHash(), testing::Sha256Hex(""));
  replica.Append(Put("a", "v"));
  replica.Append(Op::NoOp());
  const Bytes bytes = {1, 0, 0, 0, 0,   0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 'a',
                       1, 0, 0, 0, 'v', 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(replica.LogHash(), testing::Sha256Hex(bytes));
  replica.AdvanceCommit(1);
  replica.Compact();
  EXPECT_EQ(replica.LogHash(), testing::Sha256Hex(std::span(bytes).subspan(27)));
}

TEST(ReplicaDeathTest, RefusesToGoBack) {
  Replica replica(0, Role::kLeader);
  replica.Append(Op::NoOp());
  EXPECT_DEATH(replica.AdvanceCommit(2), "does not hold");
  EXPECT_DEATH(replica.BecomeFollower(0), "does not hold");
  EXPECT_DEATH(replica.Append(Del("")), "does not hold");
}

}  // namespace
}  // namespace dkv20
