#include "dkv20/replica.h"

#include <gtest/gtest.h>

#include <span>

#include "support.h"

namespace dkv20 {
namespace {

using testing::Del;
using testing::MakeCluster;
using testing::Partition;
using testing::Propose;
using testing::ProposeAt;
using testing::Put;
using testing::Str;

TEST(Replica, RoleNames) {
  EXPECT_EQ(Role(), Role::kFollower);
  EXPECT_EQ(RoleName(Role::kFollower), "follower");
  EXPECT_EQ(RoleName(Role::kLeader), "leader");
}

TEST(Replica, AppliesCommittedOpsOnce) {
  Cluster cluster = MakeCluster(1);
  const Replica& replica = *cluster.replica(0);
  Partition(cluster, {0});
  ProposeAt(cluster, 0, Put("a", "1"));
  ProposeAt(cluster, 0, Put("b", "1"));
  ProposeAt(cluster, 0, Op::NoOp());
  EXPECT_EQ(replica.key_count(), 0U);
  cluster.Heal();
  EXPECT_EQ(replica.key_count(), 2U);
  Propose(cluster, Del("a"));
  Propose(cluster, Del("c"));
  EXPECT_EQ(replica.key_count(), 1U);
  EXPECT_EQ(replica.commit_index(), 5U);
  EXPECT_EQ(replica.Get(Str("a")), nullptr);
  EXPECT_EQ(*replica.Get(Str("b")), Str("1"));
}

TEST(Replica, LogHash) {
  Cluster cluster = MakeCluster(1);
  const Replica& replica = *cluster.replica(0);
  EXPECT_EQ(replica.LogHash(), testing::Sha256Hex(""));
  Propose(cluster, Put("a", "v"));
  Partition(cluster, {0});
  ProposeAt(cluster, 0, Op::NoOp());
  const Bytes bytes = {1, 0, 0, 0, 0,   0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 'a',
                       1, 0, 0, 0, 'v', 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(replica.LogHash(), testing::Sha256Hex(bytes));
  cluster.Compact();
  EXPECT_EQ(replica.LogHash(), testing::Sha256Hex(std::span(bytes).subspan(27)));
}

}  // namespace
}  // namespace dkv20
