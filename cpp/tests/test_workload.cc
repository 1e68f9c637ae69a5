#include <gtest/gtest.h>

#include "dkv20/workload.h"
#include "support.h"

namespace dkv20 {
namespace {

using testing::MakeCluster;

TEST(Workload, CountsOutcomes) {
  Cluster cluster = MakeCluster(3);
  EXPECT_EQ(RunWorkload(cluster, 1, 10, 7).value(), (WorkloadCounts{7, 0, 0}));
  cluster.Partition({1, 2});
  EXPECT_EQ(RunWorkload(cluster, 1, 10, 7).value(), (WorkloadCounts{0, 7, 0}));
  cluster.Partition({0});
  EXPECT_EQ(RunWorkload(cluster, 1, 10, 7).value(), (WorkloadCounts{0, 0, 7}));
}

TEST(Workload, Limits) {
  Cluster cluster = MakeCluster(1);
  EXPECT_EQ(RunWorkload(cluster, 1, 0, 0).error(), ErrorCode::kKeySpace);
  EXPECT_EQ(RunWorkload(cluster, 1, 1000001, 10000001).error(), ErrorCode::kKeySpace);
  EXPECT_EQ(RunWorkload(cluster, 1, 1000000, 10000001).error(), ErrorCode::kCount);
  EXPECT_EQ(RunWorkload(cluster, 1, 1000000, 0).value(), WorkloadCounts{});
  EXPECT_TRUE(RunWorkload(cluster, 1, 1, 1).ok());
}

}  // namespace
}  // namespace dkv20
