#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "dkv20/trace.h"

namespace dkv20 {
namespace {

using namespace std::string_view_literals;

std::size_t BadLine(std::string_view trace) {
  const auto steps = ParseTrace(trace);
  return steps.ok() ? 0 : steps.error().line;
}

TEST(Trace, Parse) {
  const auto steps = ParseTrace("# x\n\n> new 1\n< ok\n# y\n> put a \0\n# z\n< ok\r\n"sv);
  ASSERT_TRUE(steps.ok());
  ASSERT_EQ(steps.value().size(), 2U);
  EXPECT_EQ(steps.value()[0].line, 3U);
  EXPECT_EQ(steps.value()[1].command, "put a \0"sv);
  EXPECT_EQ(steps.value()[1].answer, "ok\r");
  EXPECT_TRUE(ParseTrace("").ok());
}

TEST(Trace, Malformed) {
  EXPECT_EQ(BadLine("> new 1\n< ok"), 2U);
  EXPECT_EQ(BadLine("> new 1\n"), 1U);
  EXPECT_EQ(BadLine("> new 1\n> new 2\n< ok\n"), 2U);
  EXPECT_EQ(BadLine("< ok\n"), 1U);
  EXPECT_EQ(BadLine("> new 1\n< ok\n< ok\n"), 3U);
  EXPECT_EQ(BadLine("#\nnew 1\n"), 2U);
  EXPECT_EQ(BadLine(">new 1\n<ok\n"), 1U);
  EXPECT_EQ(BadLine(" \n"), 1U);
  EXPECT_EQ(BadLine("\n> hello\n< ok dkv20 1 cpp\n"), 2U);
  EXPECT_EQ(BadLine("> # nothing\n< \n"), 1U);
  EXPECT_EQ(BadLine("> \n< \n"), 1U);
}

TEST(Trace, Check) {
  const auto good = ParseTrace("> new 1\n< ok\n> put a b\n< ok committed index=1 term=1\n");
  EXPECT_FALSE(CheckTrace(good.value()).has_value());
  const auto bad = ParseTrace("> new 1\n< ok\n> get 0 a\n< ok 0x\n> mix 0\n< ok 1\n");
  const auto mismatch = CheckTrace(bad.value());
  ASSERT_TRUE(mismatch.has_value());
  EXPECT_EQ(mismatch->step.line, 3U);
  EXPECT_EQ(mismatch->step.command, "get 0 a");
  EXPECT_EQ(mismatch->step.answer, "ok 0x");
  EXPECT_EQ(mismatch->actual, "ok none");
  const auto after_quit = ParseTrace("> quit\n< ok\n> mix 0\n< ok 0\n");
  ASSERT_TRUE(CheckTrace(after_quit.value()).has_value());
}

TEST(Trace, AnAnswerIsComparedByteByByte) {
  for (const std::string answer : {"ok 0 ", "ok  0", "OK 0", "ok 0\r", ""}) {
    const auto trace = ParseTrace("> mix 0\n< " + answer + "\n");
    EXPECT_TRUE(CheckTrace(trace.value()).has_value()) << answer;
  }
}

}  // namespace
}  // namespace dkv20
