#include "dkv20/cluster.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support.h"

namespace dkv20 {
namespace {

using testing::CompactIds;
using testing::Del;
using testing::Describe;
using testing::ExpectIdentical;
using testing::Get;
using testing::HealIds;
using testing::MakeCluster;
using testing::Partition;
using testing::Propose;
using testing::ProposeAt;
using testing::Put;

TEST(Cluster, QuorumIsMoreThanHalf) {
  for (std::uint64_t size = 1; size <= 64; ++size) {
    EXPECT_EQ(MakeCluster(size).quorum(), size / 2 + 1) << size;
  }
}

TEST(Cluster, ReplicaZeroLeadsAtFirst) {
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
  Partition(cluster, {0});
  cluster.Heal();  // Leader 1, term 2.
  Propose(cluster, Put("a", "1"));
  Partition(cluster, {1});  // Leader 0, term 3.
  for (int i = 0; i < 5; ++i) ProposeAt(cluster, 1, Put("stale", "1"));
  Propose(cluster, Put("b", "1"));
  Partition(cluster, {0, 2});
  HealIds(cluster, {1});  // Reachable: 1 (longer, term 2), 3 and 4 (term 3).
  EXPECT_EQ(cluster.leader(), 3U);
  EXPECT_EQ(cluster.term(), 4U);
  cluster.Heal();
  ExpectIdentical(cluster);
  EXPECT_EQ(Get(cluster, 1, "stale"), std::nullopt);
}

TEST(Cluster, LengthThenLowestIdWins) {
  Cluster cluster = MakeCluster(5);
  Partition(cluster, {1, 2});
  Propose(cluster, Put("a", "1"));
  Partition(cluster, {0});  // No quorum: 3 and 4 alone.
  EXPECT_EQ(cluster.leader(), 0U);
  HealIds(cluster, {1});  // 1 has an empty log; 3 and 4 have index 1.
  EXPECT_EQ(cluster.leader(), 3U);
}

// A new leader commits a pending entry of the old term that it has.
TEST(Cluster, PendingEntryCommitsInNextTerm) {
  Cluster cluster = MakeCluster(5);
  Partition(cluster, {2, 3, 4});
  EXPECT_EQ(Propose(cluster, Put("a", "1")), (Outcome{false, 1, 1}));
  Partition(cluster, {0});
  HealIds(cluster, {2, 3});
  EXPECT_EQ(cluster.leader(), 1U);
  EXPECT_EQ(cluster.replica(2)->commit_index(), 2U);
  EXPECT_EQ(cluster.replica(2)->TermAt(1), 1U);
  EXPECT_EQ(cluster.replica(2)->TermAt(2), 2U);
  EXPECT_EQ(Get(cluster, 3, "a"), "1");
}

// The index of a pending entry may get another entry, of a newer term.
TEST(Cluster, PendingEntryIsTruncated) {
  Cluster cluster = MakeCluster(3);
  Partition(cluster, {1, 2});
  EXPECT_EQ(Propose(cluster, Put("a", "lost")), (Outcome{false, 1, 1}));
  Partition(cluster, {0});
  HealIds(cluster, {1, 2});
  EXPECT_EQ(cluster.leader(), 1U);
  cluster.Heal();
  EXPECT_EQ(cluster.replica(0)->TermAt(1), 2U);
  EXPECT_EQ(Get(cluster, 0, "a"), std::nullopt);
}

TEST(Cluster, DeposedLeaderStepsDownWithoutLeader) {
  Cluster cluster = MakeCluster(5);
  Partition(cluster, {0});  // Leader 1, term 2.
  Partition(cluster, {1, 2, 3, 4});
  EXPECT_EQ(cluster.replica(1)->role(), Role::kLeader);
  EXPECT_EQ(cluster.replica(0)->role(), Role::kLeader);
  HealIds(cluster, {0});
  EXPECT_EQ(cluster.replica(0)->role(), Role::kFollower);
  EXPECT_EQ(cluster.replica(0)->term(), 1U);  // It has learned of no other.
  EXPECT_EQ(cluster.ProposeAt(0, Put("a", "1")).error(), ErrorCode::kNotLeader);
  EXPECT_EQ(ProposeAt(cluster, 1, Put("a", "1")).term, 2U);
  EXPECT_EQ(cluster.term(), 2U);
}

TEST(Cluster, NoReplicaReachable) {
  Cluster cluster = MakeCluster(3);
  Partition(cluster, {0, 1, 2});
  EXPECT_EQ(cluster.term(), 1U);
  EXPECT_EQ(cluster.Propose(Put("a", "1")).error(), ErrorCode::kNoLeader);
  EXPECT_FALSE(ProposeAt(cluster, 0, Put("a", "1")).committed);
  cluster.Heal();
  EXPECT_EQ(cluster.leader(), 0U);
  EXPECT_EQ(cluster.replica(2)->commit_index(), 1U);
}

TEST(Cluster, OnlyReplicaIsolated) {
  Cluster cluster = MakeCluster(1);
  Partition(cluster, {0});
  EXPECT_EQ(ProposeAt(cluster, 0, Put("a", "1")), (Outcome{false, 1, 1}));
  EXPECT_EQ(cluster.replica(0)->commit_index(), 0U);
  cluster.Heal();
  EXPECT_EQ(cluster.replica(0)->commit_index(), 1U);
}

TEST(Cluster, RepeatedIds) {
  Cluster cluster = MakeCluster(5);
  Partition(cluster, {4, 4});
  Partition(cluster, {4});
  EXPECT_EQ(cluster.isolated_ids(), (std::vector<ReplicaId>{4}));
  HealIds(cluster, {4, 4, 0});
  EXPECT_TRUE(cluster.isolated_ids().empty());
  Propose(cluster, Put("a", "1"));
  CompactIds(cluster, {2, 2});
  EXPECT_EQ(cluster.replica(2)->base(), 1U);
  EXPECT_EQ(cluster.replica(1)->base(), 0U);
}

// The snapshot holds the committed entries; pending ones follow as entries.
TEST(Cluster, SnapshotThenPendingEntries) {
  Cluster cluster = MakeCluster(5);
  Partition(cluster, {4});
  Propose(cluster, Put("a", "1"));
  cluster.Compact();
  Partition(cluster, {1, 2, 3});
  EXPECT_FALSE(Propose(cluster, Put("b", "1")).committed);
  HealIds(cluster, {4});
  EXPECT_EQ(cluster.replica(4)->base(), 1U);
  EXPECT_EQ(cluster.replica(4)->commit_index(), 1U);
  EXPECT_EQ(cluster.replica(4)->last(), 2U);
  EXPECT_EQ(Get(cluster, 4, "b"), std::nullopt);
  cluster.Heal();
  ExpectIdentical(cluster);
}

// A replica whose term at the leader's base differs has a stale tail that compaction hides.
TEST(Cluster, SnapshotForAStaleTailAcrossTheBase) {
  Cluster cluster = MakeCluster(3);
  Propose(cluster, Put("gone", "1"));
  Partition(cluster, {0});
  for (int i = 0; i < 9; ++i) ProposeAt(cluster, 0, Put("stale", "1"));
  Propose(cluster, Del("gone"));
  cluster.Compact();
  cluster.Heal();
  EXPECT_EQ(cluster.replica(0)->base(), 3U);
  EXPECT_EQ(cluster.replica(0)->last(), 3U);
  EXPECT_EQ(cluster.replica(0)->key_count(), 0U);
  ExpectIdentical(cluster);
}

// A snapshot installed during an election ends in an older term than the leader's.
TEST(Cluster, SnapshotOfOlderTerm) {
  Cluster cluster = MakeCluster(5);
  Partition(cluster, {4});
  Propose(cluster, Put("a", "1"));
  cluster.Compact();
  Partition(cluster, {0, 1});
  HealIds(cluster, {4});
  EXPECT_EQ(cluster.leader(), 2U);
  EXPECT_EQ(cluster.replica(4)->base(), 1U);
  EXPECT_EQ(cluster.replica(4)->TermAt(1), 1U);
  EXPECT_EQ(cluster.replica(4)->TermAt(2), 2U);
  EXPECT_EQ(cluster.replica(4)->commit_index(), 2U);
}

// Compaction keeps the term at the base, which elections and snapshots use.
TEST(Cluster, CompactionKeepsTheTerm) {
  Cluster cluster = MakeCluster(3);
  Partition(cluster, {0});
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
TEST(Cluster, FollowerWithGreaterBase) {
  Cluster cluster = MakeCluster(3);
  Propose(cluster, Put("a", "1"));
  CompactIds(cluster, {2});
  Partition(cluster, {2});
  Propose(cluster, Put("b", "1"));
  cluster.Heal();
  EXPECT_EQ(cluster.replica(2)->base(), 1U);
  EXPECT_EQ(cluster.replica(0)->base(), 0U);
  EXPECT_EQ(cluster.replica(2)->last(), 2U);
  ExpectIdentical(cluster);
}

TEST(Cluster, EmptyListNamesNoReplica) {
  Cluster cluster = MakeCluster(5);
  Propose(cluster, Put("a", "1"));
  Partition(cluster, {0});
  ProposeAt(cluster, 0, Put("tail", "1"));
  const std::string before = Describe(cluster);
  Partition(cluster, {});
  HealIds(cluster, {});
  CompactIds(cluster, {});
  EXPECT_EQ(Describe(cluster), before);
}

TEST(Cluster, GreatestLengthsAreAccepted) {
  Cluster cluster = MakeCluster(1);
  EXPECT_TRUE(
      Propose(cluster, Op::Put(testing::Repeated(4096), testing::Repeated(1048576))).committed);
}

// The limits of an op are checked before the leader.
TEST(Cluster, LimitsBeforeNoLeader) {
  Cluster cluster = MakeCluster(1);
  Partition(cluster, {0});
  EXPECT_EQ(cluster.Propose(Put("k", "v")).error(), ErrorCode::kNoLeader);
  EXPECT_EQ(cluster.Propose(Put("", "v")).error(), ErrorCode::kKeyLength);
}

TEST(Cluster, SizeLimits) {
  EXPECT_EQ(Cluster::New(~std::uint64_t{0}).error(), ErrorCode::kReplicaCount);
}

TEST(Cluster, LogOfAReplica) {
  Cluster cluster = MakeCluster(3);
  Propose(cluster, Put("a", "1"));
  cluster.Compact();
  Partition(cluster, {0});
  Propose(cluster, Del("a"));
  std::vector<Entry> entries;
  cluster.replica(1)->ForEachEntry([&](const Entry& entry) { entries.push_back(entry); });
  EXPECT_EQ(entries, (std::vector<Entry>{{2, 2, Op::NoOp()}, {3, 2, Del("a")}}));
}

TEST(Cluster, Moves) {
  Cluster cluster = MakeCluster(3);
  Propose(cluster, Put("a", "1"));
  Cluster moved = std::move(cluster);
  EXPECT_TRUE(Propose(moved, Put("b", "1")).committed);
  EXPECT_EQ(moved.replica(2)->key_count(), 2U);
}

TEST(Cluster, SixtyFourReplicas) {
  Cluster cluster = MakeCluster(64);
  Partition(cluster, {63, 0});
  EXPECT_EQ(cluster.leader(), 1U);
  EXPECT_TRUE(Propose(cluster, Put("a", "1")).committed);
  EXPECT_TRUE(cluster.IsPartitioned(63).value());
  EXPECT_EQ(cluster.replica(63)->commit_index(), 0U);
  cluster.Heal();
  ExpectIdentical(cluster);
}

}  // namespace
}  // namespace dkv20
