#include "protocol.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "dkv20/limits.h"
#include "support.h"

namespace dkv20 {
namespace {

using namespace std::string_view_literals;
using testing::Str;

void ExpectError(std::string_view line, ErrorCode code) {
  const auto parsed = Parse(line);
  ASSERT_FALSE(parsed.ok()) << line;
  EXPECT_EQ(ErrorName(parsed.error()), ErrorName(code)) << line;
}

TEST(Protocol, LinesWithoutAnswer) {
  for (const auto line : {"", " ", "    ", "#", "# put", "#put a b", "  #x"}) {
    ASSERT_TRUE(Parse(line).ok()) << line;
    EXPECT_EQ(Parse(line).value().kind, CommandKind::kNothing) << line;
  }
}

TEST(Protocol, OnlySpacesSeparate) {
  const auto put = Parse("  put   a\t\r \v  ");
  ASSERT_TRUE(put.ok());
  EXPECT_EQ(put.value().op, Op::Put(Str("a\t\r"), Str("\v")));
  for (const auto line : {"hello\r", "\thello", "hello\t", "noop\v", "Hello", "0x6e6f6f70"}) {
    ExpectError(line, ErrorCode::kUnknownCommand);
  }
  const auto nul = Parse("put a\0b \0"sv);
  ASSERT_TRUE(nul.ok());
  EXPECT_EQ(nul.value().op, Op::Put(Str("a\0b"sv), Str("\0"sv)));
}

TEST(Protocol, ByteStrings) {
  const auto bytes = [](std::string_view token) {
    const auto parsed = Parse("del " + std::string(token));
    return parsed.ok() ? parsed.value().op.key() : Str("(error)");
  };
  EXPECT_EQ(bytes("0x"), Str(""));
  EXPECT_EQ(bytes("0x00fFAb"), Str({0, 0xff, 0xab}));
  EXPECT_EQ(bytes("0X61"), Str("0X61"));
  EXPECT_EQ(bytes("0"), Str("0"));
  EXPECT_EQ(bytes("x61"), Str("x61"));
  EXPECT_EQ(bytes("a0x61"), Str("a0x61"));
  EXPECT_EQ(bytes("\xc3\x28"), Str({0xc3, 0x28}));
  const std::string long_hex(200, 'a');
  EXPECT_EQ(bytes("0x" + long_hex), testing::Repeated(100, '\xaa'));
  for (const auto token : {"0x6", "0x616", "0xg0", "0x0g", "0x 61", "0x6\xb0", "0x/0", "0x:0",
                           "0x@0", "0x`0", "0xx0"}) {
    ExpectError("del " + std::string(token), ErrorCode::kSyntax);
  }
}

TEST(Protocol, Numbers) {
  const auto number = [](std::string_view token) {
    return Parse("mix " + std::string(token)).value().numbers[0];
  };
  EXPECT_EQ(number("0"), 0U);
  EXPECT_EQ(number("007"), 7U);
  EXPECT_EQ(number("18446744073709551615"), 18446744073709551615U);
  EXPECT_EQ(number(std::string(100, '0') + "18446744073709551615"), 18446744073709551615U);
  for (const auto token :
       {"18446744073709551616", "18446744073709551620", "99999999999999999999",
        "184467440737095516150", "-1", "+1", "1.", "0x1", "1a", "\xb1", "/", ":"}) {
    ExpectError("mix " + std::string(token), ErrorCode::kSyntax);
  }
}

TEST(Protocol, TooFewOrTooManyTokens) {
  for (const std::string& line : testing::Split(
           "hello x|new|new 1 2|noop x|put|put a|put a b c|del|del a b|at|at 0|at 0 put a|"
           "at 0 put a b c|at 0 del|at 0 noop x|at x noop|status x|replica|replica 0 1|get 0|"
           "get 0 k k|get k 0|hash|dump|log|load|load a b|mix|mix 1 2|draw 1|draw 1 2 3|"
           "workload 1 2|workload 1 2 3 4|chaos 1|chaos 1 2 3|scenario|scenario A B|quit now|"
           "partition x|partition 0 0x1|heal -1|compact 0 a")) {
    ExpectError(line, ErrorCode::kSyntax);
  }
}

TEST(Protocol, AtNeedsAnOp) {
  for (const auto line : {"at 0 get", "at x y", "at 0 NOOP", "at 0 hello", "at 0 0x6e6f6f70",
                          "at 0 at 0 noop", "at put a b"}) {
    ExpectError(line, ErrorCode::kUnknownCommand);
  }
  const auto at = Parse("at 3 put a 0x62");
  ASSERT_TRUE(at.ok());
  EXPECT_EQ(at.value().kind, CommandKind::kProposeAt);
  EXPECT_EQ(at.value().numbers[0], 3U);
  EXPECT_EQ(at.value().op, Op::Put(Str("a"), Str("b")));
  EXPECT_EQ(Parse("at 1 del d").value().op, Op::Del(Str("d")));
  EXPECT_EQ(Parse("at 1 noop").value().op, Op::NoOp());
}

TEST(Protocol, Ids) {
  EXPECT_TRUE(Parse("heal").value().ids.empty());
  EXPECT_EQ(Parse("heal 3 03 18446744073709551615").value().ids,
            (std::vector<ReplicaId>{3, 3, 18446744073709551615U}));
}

TEST(Protocol, LineLength) {
  const std::string longest = "# " + std::string(kLineLengthMax - 2, 'x');
  EXPECT_TRUE(Parse(longest).ok());
  ExpectError(longest + "x", ErrorCode::kLineLength);
  ExpectError(std::string(kLineLengthMax + 1, ' '), ErrorCode::kLineLength);
}

TEST(Protocol, Formatting) {
  const auto text = [](auto append, const auto& value) {
    std::string out = "|";
    append(value, out);
    return out;
  };
  const auto op = [](const Op& value, std::string& out) { AppendOp(value, out); };
  EXPECT_EQ(text(op, Op::NoOp()), "|noop");
  EXPECT_EQ(text(op, Op::Put(Str({0, 0xff}), Str(""))), "|put 0x00ff 0x");
  EXPECT_EQ(text(op, Op::Del(Str("a"))), "|del 0x61");
  const auto outcome = [](const Outcome& value, std::string& out) { AppendOutcome(value, out); };
  EXPECT_EQ(text(outcome, Outcome{true, 7, 3}), "|ok committed index=7 term=3");
  EXPECT_EQ(text(outcome, Outcome{false, 8, 4}), "|ok pending index=8 term=4");
  const auto number = [](std::uint64_t value, std::string& out) { AppendNumber(value, out); };
  EXPECT_EQ(text(number, ~std::uint64_t{0}), "|18446744073709551615");
}

}  // namespace
}  // namespace dkv20
