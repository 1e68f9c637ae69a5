#include "dkv20/workload.h"

#include <gtest/gtest.h>

#include "dkv20/limits.h"
#include "support.h"

namespace dkv20 {
namespace {

using testing::MakeCluster;
using testing::Partition;
using testing::Str;

TEST(Workload, TopBitsSelectKind) {
  constexpr std::uint64_t kTop = 1;
  for (const std::uint64_t r1 :
       {std::uint64_t{0}, (kTop << 62) - 1, kTop << 62, kTop << 63, (std::uint64_t{3} << 62) - 1}) {
    EXPECT_EQ(DecodeOp(r1, 1007, 123456, 1000).value(),
              Op::Put(Str("key-000007"), Str({0x80, 0x0d, 0, 0, 0, 0, 0, 0})))
        << r1;
  }
  for (const std::uint64_t r1 : {std::uint64_t{3} << 62, ~std::uint64_t{0}}) {
    EXPECT_EQ(DecodeOp(r1, 1007, 123456, 1000).value(), Op::Del(Str("key-000007"))) << r1;
  }
}

TEST(Workload, KeySpaceIsChecked) {
  SplitMix64 draws(1);
  for (const std::uint64_t keys : {std::uint64_t{0}, kKeysMax + 1, ~std::uint64_t{0}}) {
    EXPECT_EQ(DecodeKey(0, keys).error(), ErrorCode::kKeySpace) << keys;
    EXPECT_EQ(DecodeOp(0, 0, 0, keys).error(), ErrorCode::kKeySpace) << keys;
    EXPECT_EQ(DrawOp(draws, keys).error(), ErrorCode::kKeySpace) << keys;
  }
  EXPECT_EQ(DecodeKey(~std::uint64_t{0}, 1000).value(), Str("key-000615"));
}

TEST(Workload, CountsOutcomes) {
  Cluster cluster = MakeCluster(3);
  EXPECT_EQ(RunWorkload(cluster, 1, 10, 7).value(), (WorkloadCounts{7, 0, 0}));
  Partition(cluster, {1, 2});
  EXPECT_EQ(RunWorkload(cluster, 1, 10, 7).value(), (WorkloadCounts{0, 7, 0}));
  Partition(cluster, {0});
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
