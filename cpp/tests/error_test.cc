#include "dkv20/error.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace dkv20 {
namespace {

// The names are part of the protocol.
TEST(Error, Names) {
  const std::vector<std::string_view> expected = {
      "replica-count",    "key-length", "value-length",   "unknown-replica", "no-leader",
      "not-leader",       "truncated",  "bad-magic",      "bad-version",     "bad-term",
      "bad-count",        "key-order",  "trailing-bytes", "key-space",       "count",
      "unknown-scenario", "diverged",   "line-length",    "unknown-command", "syntax",
      "no-cluster"};
  ASSERT_EQ(expected.size(), static_cast<std::size_t>(ErrorCode::kNoCluster) + 1);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(ErrorName(static_cast<ErrorCode>(i)), expected[i]);
  }
}

TEST(Error, ResultIsValueOrError) {
  const Result<std::string> value = std::string("v");
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(value.value(), "v");
  const Result<std::string> error = ErrorCode::kCount;
  ASSERT_FALSE(error.ok());
  EXPECT_EQ(error.error(), ErrorCode::kCount);
}

TEST(Error, StatusIsOkOrCode) {
  EXPECT_TRUE(Status().ok());
  const Status error = ErrorCode::kCount;
  ASSERT_FALSE(error.ok());
  EXPECT_EQ(error.code(), ErrorCode::kCount);
  EXPECT_NE(error, Status());
  EXPECT_NE(error, Status(ErrorCode::kSyntax));
}

// In every build type.
TEST(ErrorDeathTest, UncheckedAccessEndsProcess) {
  const Result<int> error = ErrorCode::kCount;
  EXPECT_DEATH(static_cast<void>(error.value()), "bad_variant_access");
  const Result<int> value = 1;
  EXPECT_DEATH(static_cast<void>(value.error()), "bad_variant_access");
  EXPECT_DEATH(static_cast<void>(Status().code()), "bad_optional_access");
}

}  // namespace
}  // namespace dkv20
