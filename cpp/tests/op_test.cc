#include "dkv20/op.h"

#include <gtest/gtest.h>

#include "support.h"

namespace dkv20 {
namespace {

using testing::Repeated;
using testing::Str;

Bytes Encode(const Op& op) {
  Bytes out;
  op.Encode(out);
  return out;
}

TEST(Op, EncodeAppends) {
  Bytes out = {7};
  Op::NoOp().Encode(out);
  EXPECT_EQ(out, (Bytes{7, 0}));
}

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
  EXPECT_EQ(Op::NoOp().CheckLimits(), Status());
  EXPECT_EQ(Op::Del(Str("")).CheckLimits(), Status(ErrorCode::kKeyLength));
  EXPECT_EQ(Op::Del(Repeated(1)).CheckLimits(), Status());
  EXPECT_EQ(Op::Del(Repeated(4096)).CheckLimits(), Status());
  EXPECT_EQ(Op::Del(Repeated(4097)).CheckLimits(), Status(ErrorCode::kKeyLength));
  EXPECT_EQ(Op::Put(Str("k"), Repeated(1048576)).CheckLimits(), Status());
  EXPECT_EQ(Op::Put(Str("k"), Repeated(1048577)).CheckLimits(), Status(ErrorCode::kValueLength));
  EXPECT_EQ(Op::Put(Str(""), Repeated(1048577)).CheckLimits(), Status(ErrorCode::kKeyLength));
}

}  // namespace
}  // namespace dkv20
