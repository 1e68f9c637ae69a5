#include <gtest/gtest.h>

#include "dkv20/op.h"
#include "support.h"

namespace dkv20 {
namespace {

using testing::Repeated;
using testing::Str;

TEST(Op, Encoding) {
  EXPECT_EQ(Encode(Op::NoOp()), (Bytes{0}));
  EXPECT_EQ(Encode(Op::Put(Str("ab"), Str({0, 0xff, 1}))),
            (Bytes{1, 2, 0, 0, 0, 'a', 'b', 3, 0, 0, 0, 0, 0xff, 1}));
  EXPECT_EQ(Encode(Op::Put(Str("a"), Str(""))), (Bytes{1, 1, 0, 0, 0, 'a', 0, 0, 0, 0}));
  EXPECT_EQ(Encode(Op::Del(Str({0}))), (Bytes{2, 1, 0, 0, 0, 0}));
  const Bytes large = Encode(Op::Put(Str("a"), Repeated(0x10203)));
  EXPECT_EQ((Bytes(large.begin() + 6, large.begin() + 10)), (Bytes{3, 2, 1, 0}));
}

TEST(Op, Limits) {
  EXPECT_EQ(CheckLimits(Op::NoOp()), std::nullopt);
  EXPECT_EQ(CheckLimits(Op::Del(Str(""))), ErrorCode::kKeyLength);
  EXPECT_EQ(CheckLimits(Op::Del(Repeated(1))), std::nullopt);
  EXPECT_EQ(CheckLimits(Op::Del(Repeated(4096))), std::nullopt);
  EXPECT_EQ(CheckLimits(Op::Del(Repeated(4097))), ErrorCode::kKeyLength);
  EXPECT_EQ(CheckLimits(Op::Put(Str("k"), Repeated(1048576))), std::nullopt);
  EXPECT_EQ(CheckLimits(Op::Put(Str("k"), Repeated(1048577))), ErrorCode::kValueLength);
  EXPECT_EQ(CheckLimits(Op::Put(Str(""), Repeated(1048577))), ErrorCode::kKeyLength);
}

}  // namespace
}  // namespace dkv20
