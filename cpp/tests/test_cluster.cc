#include <gtest/gtest.h>

#include "dkv20/cluster.h"
#include "support.h"

namespace dkv20 {
namespace {

using testing::Del;
using testing::Describe;
using testing::ExpectAllIdentical;
using testing::Get;
using testing::MakeCluster;
using testing::Propose;
using testing::ProposeAt;
using testing::Put;

TEST(Cluster, QuorumIsMoreThanHalf) {
  for (std::uint64_t size = 1; size <= 64; ++size) {
    EXPECT_EQ(MakeCluster(size).quorum(), size / 2 + 1) << size;
  }
}

TEST(Cluster, BeginsWithReplicaZeroAsLeader) {
  const Cluster cluster = MakeCluster(3);
  EXPECT_EQ(cluster.leader(), 0U);
  EXPECT_EQ(cluster.term(), 1U);
  for (ReplicaId id = 0; id < 3; ++id) {
    EXPECT_EQ(cluster.replica(id)->term(), 1U);
    EXPECT_EQ(cluster.replica(id)->role(), id == 0 ? Role::kLeader : Role::kFollower);
  }
  EXPECT_EQ(cluster.replica(3), nullptr);
  EXPECT_EQ(cluster.replica(~ReplicaId{0}), nullptr);
}

// Replica 4 has the longest log, all of term 1; replica 3's shorter one ends in term 2.
TEST(Cluster, LastTermBeatsLength) {
  Cluster cluster = MakeCluster(5);
  cluster.Partition({0});
  cluster.Heal();  // Leader 1, term 2.
  Propose(cluster, Put("a", "1"));
  cluster.Partition({1});  // Leader 0, term 3.
  for (int i = 0; i < 5; ++i) ProposeAt(cluster, 1, Put("stale", "1"));
  Propose(cluster, Put("b", "1"));
  cluster.Partition({0, 2});
  cluster.HealIds({1});  // Reachable: 1 (longer, term 2), 3 and 4 (term 3).
  EXPECT_EQ(cluster.leader(), 3U);
  EXPECT_EQ(cluster.term(), 4U);
  cluster.Heal();
  ExpectAllIdentical(cluster);
  EXPECT_EQ(Get(cluster, 1, "stale"), std::nullopt);
}

TEST(Cluster, LengthDecidesAmongEqualTermsAndThenTheLowestId) {
  Cluster cluster = MakeCluster(5);
  cluster.Partition({1, 2});
  Propose(cluster, Put("a", "1"));
  cluster.Partition({0});  // No quorum: 3 and 4 alone.
  EXPECT_EQ(cluster.leader(), 0U);
  cluster.HealIds({1});  // 1 knows nothing; 3 and 4 have index 1.
  EXPECT_EQ(cluster.leader(), 3U);
}

// A minority's pending entry is carried on by the next leader, which had it.
TEST(Cluster, PendingTailOfAnOldTermCommitsUnderTheNext) {
  Cluster cluster = MakeCluster(5);
  cluster.Partition({2, 3, 4});
  EXPECT_EQ(Propose(cluster, Put("a", "1")), (Outcome{false, 1, 1}));
  cluster.Partition({0});
  cluster.HealIds({2, 3});
  EXPECT_EQ(cluster.leader(), 1U);
  EXPECT_EQ(cluster.replica(2)->commit_index(), 2U);
  EXPECT_EQ(cluster.replica(2)->TermAt(1), 1U);
  EXPECT_EQ(cluster.replica(2)->TermAt(2), 2U);
  EXPECT_EQ(Get(cluster, 3, "a"), "1");
}

// A pending entry's index may come to stand under another term.
TEST(Cluster, PendingEntryMayBeTruncated) {
  Cluster cluster = MakeCluster(3);
  cluster.Partition({1, 2});
  EXPECT_EQ(Propose(cluster, Put("a", "lost")), (Outcome{false, 1, 1}));
  cluster.Partition({0});
  cluster.HealIds({1, 2});
  EXPECT_EQ(cluster.leader(), 1U);
  cluster.Heal();
  EXPECT_EQ(cluster.replica(0)->TermAt(1), 2U);
  EXPECT_EQ(Get(cluster, 0, "a"), std::nullopt);
}

TEST(Cluster, ReturningLeaderStepsDownWhereNobodyCanLead) {
  Cluster cluster = MakeCluster(5);
  cluster.Partition({0});  // Leader 1, term 2.
  cluster.Partition({1, 2, 3, 4});
  EXPECT_EQ(cluster.replica(1)->role(), Role::kLeader);
  EXPECT_EQ(cluster.replica(0)->role(), Role::kLeader);
  cluster.HealIds({0});
  EXPECT_EQ(cluster.replica(0)->role(), Role::kFollower);
  EXPECT_EQ(cluster.replica(0)->term(), 1U);  // It has heard of no other.
  EXPECT_EQ(cluster.ProposeAt(0, Put("a", "1")).error(), ErrorCode::kNotLeader);
  EXPECT_EQ(ProposeAt(cluster, 1, Put("a", "1")).term, 2U);
  EXPECT_EQ(cluster.term(), 2U);
}

TEST(Cluster, NobodyReachable) {
  Cluster cluster = MakeCluster(3);
  cluster.Partition({0, 1, 2});
  EXPECT_EQ(cluster.term(), 1U);
  EXPECT_EQ(cluster.Propose(Put("a", "1")).error(), ErrorCode::kNoLeader);
  EXPECT_FALSE(ProposeAt(cluster, 0, Put("a", "1")).committed);
  cluster.Heal();
  EXPECT_EQ(cluster.leader(), 0U);
  EXPECT_EQ(cluster.replica(2)->commit_index(), 1U);
}

TEST(Cluster, OneReplicaAloneAndIsolated) {
  Cluster cluster = MakeCluster(1);
  cluster.Partition({0});
  EXPECT_EQ(ProposeAt(cluster, 0, Put("a", "1")), (Outcome{false, 1, 1}));
  EXPECT_EQ(cluster.replica(0)->commit_index(), 0U);
  cluster.Heal();
  EXPECT_EQ(cluster.replica(0)->commit_index(), 1U);
}

TEST(Cluster, IdsMayBeNamedTwiceAndBeThereAlready) {
  Cluster cluster = MakeCluster(5);
  EXPECT_EQ(cluster.Partition({4, 4}), std::nullopt);
  EXPECT_EQ(cluster.Partition({4}), std::nullopt);
  EXPECT_EQ(cluster.isolated_ids(), (std::vector<ReplicaId>{4}));
  EXPECT_EQ(cluster.HealIds({4, 4, 0}), std::nullopt);
  EXPECT_TRUE(cluster.isolated_ids().empty());
  Propose(cluster, Put("a", "1"));
  EXPECT_EQ(cluster.CompactIds({2, 2}), std::nullopt);
  EXPECT_EQ(cluster.replica(2)->base(), 1U);
  EXPECT_EQ(cluster.replica(1)->base(), 0U);
}

// The snapshot holds what is committed; what is pending behind it comes as entries.
TEST(Cluster, SnapshotFromALeaderWithAPendingTail) {
  Cluster cluster = MakeCluster(5);
  cluster.Partition({4});
  Propose(cluster, Put("a", "1"));
  cluster.Compact();
  cluster.Partition({1, 2, 3});
  EXPECT_FALSE(Propose(cluster, Put("b", "1")).committed);
  cluster.HealIds({4});
  EXPECT_EQ(cluster.replica(4)->base(), 1U);
  EXPECT_EQ(cluster.replica(4)->commit_index(), 1U);
  EXPECT_EQ(cluster.replica(4)->last(), 2U);
  EXPECT_EQ(Get(cluster, 4, "b"), std::nullopt);
  cluster.Heal();
  ExpectAllIdentical(cluster);
}

// A replica whose term at the leader's base differs has a stale tail that compaction hides.
TEST(Cluster, SnapshotForAStaleTailAcrossTheBase) {
  Cluster cluster = MakeCluster(3);
  Propose(cluster, Put("gone", "1"));
  cluster.Partition({0});
  for (int i = 0; i < 9; ++i) ProposeAt(cluster, 0, Put("stale", "1"));
  Propose(cluster, Del("gone"));
  cluster.Compact();
  cluster.Heal();
  EXPECT_EQ(cluster.replica(0)->base(), 3U);
  EXPECT_EQ(cluster.replica(0)->last(), 3U);
  EXPECT_EQ(cluster.replica(0)->key_count(), 0U);
  ExpectAllIdentical(cluster);
}

// The snapshot that a leader sends while it is being elected ends in an older term than its own.
TEST(Cluster, SnapshotOfAnOlderTerm) {
  Cluster cluster = MakeCluster(5);
  cluster.Partition({4});
  Propose(cluster, Put("a", "1"));
  cluster.Compact();
  cluster.Partition({0, 1});
  cluster.HealIds({4});
  EXPECT_EQ(cluster.leader(), 2U);
  EXPECT_EQ(cluster.replica(4)->base(), 1U);
  EXPECT_EQ(cluster.replica(4)->TermAt(1), 1U);
  EXPECT_EQ(cluster.replica(4)->TermAt(2), 2U);
  EXPECT_EQ(cluster.replica(4)->commit_index(), 2U);
}

// Compaction keeps the term at the base, which the next election and snapshot rest on.
TEST(Cluster, CompactionKeepsTheTerm) {
  Cluster cluster = MakeCluster(3);
  cluster.Partition({0});
  cluster.Heal();
  const Bytes before = cluster.replica(1)->DumpState();
  cluster.Compact();
  EXPECT_EQ(cluster.replica(1)->last_term(), 2U);
  EXPECT_EQ(cluster.replica(1)->DumpState(), before);
  const std::string compacted = Describe(cluster);
  cluster.Compact();
  EXPECT_EQ(Describe(cluster), compacted);
}

// A follower that has compacted further than the leader keeps its base.
TEST(Cluster, FollowerWithTheGreaterBase) {
  Cluster cluster = MakeCluster(3);
  Propose(cluster, Put("a", "1"));
  cluster.CompactIds({2});
  cluster.Partition({2});
  Propose(cluster, Put("b", "1"));
  cluster.Heal();
  EXPECT_EQ(cluster.replica(2)->base(), 1U);
  EXPECT_EQ(cluster.replica(0)->base(), 0U);
  EXPECT_EQ(cluster.replica(2)->last(), 2U);
  ExpectAllIdentical(cluster);
}

TEST(Cluster, MovesAsAWhole) {
  Cluster cluster = MakeCluster(3);
  Propose(cluster, Put("a", "1"));
  Cluster moved = std::move(cluster);
  EXPECT_TRUE(Propose(moved, Put("b", "1")).committed);
  EXPECT_EQ(moved.replica(2)->key_count(), 2U);
}

TEST(Cluster, SixtyFourReplicas) {
  Cluster cluster = MakeCluster(64);
  cluster.Partition({63, 0});
  EXPECT_EQ(cluster.leader(), 1U);
  EXPECT_TRUE(Propose(cluster, Put("a", "1")).committed);
  EXPECT_TRUE(cluster.is_partitioned(63));
  EXPECT_EQ(cluster.replica(63)->commit_index(), 0U);
  cluster.Heal();
  ExpectAllIdentical(cluster);
}

}  // namespace
}  // namespace dkv20
