#include "protocol.h"

#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include "dkv20/limits.h"
#include "hex.h"

namespace dkv20 {
namespace {

// A command and its arguments, one letter each: n for a number or an ID, b for a byte string, w for
// a word, * for any number of ids. For `at`, `word` is that of the op, which is among the arguments
// as w.
struct Grammar {
  std::string_view word;
  CommandKind kind;
  std::string_view arguments;
  bool needs_cluster;
};

constexpr auto kGrammars = std::to_array<Grammar>({
    {"put", CommandKind::kPropose, "bb", true}, {"del", CommandKind::kPropose, "b", true},
    {"noop", CommandKind::kPropose, "", true},  {"hello", CommandKind::kHello, "", false},
    {"new", CommandKind::kNew, "n", false},     {"partition", CommandKind::kPartition, "*", true},
    {"heal", CommandKind::kHeal, "*", true},    {"compact", CommandKind::kCompact, "*", true},
    {"status", CommandKind::kStatus, "", true}, {"replica", CommandKind::kReplica, "n", true},
    {"get", CommandKind::kGet, "nb", true},     {"hash", CommandKind::kHash, "n", true},
    {"dump", CommandKind::kDump, "n", true},    {"log", CommandKind::kLog, "n", true},
    {"load", CommandKind::kLoad, "b", false},   {"mix", CommandKind::kMix, "n", false},
    {"draw", CommandKind::kDraw, "nn", false},  {"workload", CommandKind::kWorkload, "nnn", true},
    {"chaos", CommandKind::kChaos, "nn", true}, {"scenario", CommandKind::kScenario, "w", false},
    {"quit", CommandKind::kQuit, "", false},
});

constexpr auto kAtGrammars = std::to_array<Grammar>({
    {"put", CommandKind::kProposeAt, "nwbb", true},
    {"del", CommandKind::kProposeAt, "nwb", true},
    {"noop", CommandKind::kProposeAt, "nw", true},
});
constexpr Grammar kAtWithoutOp = {"at", CommandKind::kProposeAt, "nw", true};

template <std::size_t kCount>
const Grammar* FindGrammar(const std::array<Grammar, kCount>& grammars,
                           std::string_view word) noexcept {
  for (const Grammar& grammar : grammars) {
    if (grammar.word == word) return &grammar;
  }
  return nullptr;
}

// The tokens of a line.
class Tokens {
 public:
  explicit Tokens(std::string_view line) noexcept : rest_(line) {}

  // Returns the next token, which is not empty, or nothing at the end of the line.
  std::optional<std::string_view> Next() noexcept {
    while (!rest_.empty() && rest_.front() == ' ') rest_.remove_prefix(1);
    if (rest_.empty()) return std::nullopt;
    const std::string_view token = rest_.substr(0, rest_.find(' '));
    rest_.remove_prefix(token.size());
    return token;
  }

 private:
  std::string_view rest_;
};

std::optional<std::uint64_t> ParseNumber(std::string_view token) noexcept {
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t number = 0;
  for (const char c : token) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (number > (kMax - digit) / 10) return std::nullopt;
    number = number * 10 + digit;
  }
  return number;
}

std::optional<ByteString> ParseBytes(std::string_view token) noexcept {
  if (!token.starts_with("0x")) return ByteString(token);
  token.remove_prefix(2);
  if (token.size() % 2 != 0) return std::nullopt;
  unsigned seen = 0;
  ByteString bytes = ByteString::Build(token.size() / 2, [&](std::uint8_t* data) {
    for (std::size_t i = 0; i < token.size() / 2; ++i) {
      const unsigned high = HexDigitValue(token[2 * i]);
      const unsigned low = HexDigitValue(token[2 * i + 1]);
      data[i] = static_cast<std::uint8_t>(high << 4 | low);
      seen |= high | low;
    }
  });
  if (seen >= 16) return std::nullopt;  // 16 is the value of a byte that is not a digit.
  return bytes;
}

bool ParseIds(Tokens& tokens, std::vector<ReplicaId>& ids) noexcept {
  while (const auto token = tokens.Next()) {
    const std::optional<std::uint64_t> id = ParseNumber(*token);
    if (!id) return false;
    ids.push_back(*id);
  }
  return true;
}

// Reads the arguments that a grammar lists. Returns false if there are fewer, more or others.
bool ParseArguments(Tokens& tokens, std::string_view kinds, Command& command,
                    std::array<ByteString, 2>& byte_strings) noexcept {
  std::size_t number_count = 0;
  std::size_t byte_string_count = 0;
  for (const char kind : kinds) {
    if (kind == '*') return ParseIds(tokens, command.ids);
    const std::optional<std::string_view> token = tokens.Next();
    if (!token) return false;
    if (kind == 'n') {
      const std::optional<std::uint64_t> number = ParseNumber(*token);
      if (!number) return false;
      command.numbers[number_count++] = *number;
    } else if (kind == 'b') {
      std::optional<ByteString> bytes = ParseBytes(*token);
      if (!bytes) return false;
      byte_strings[byte_string_count++] = std::move(*bytes);
    } else {
      command.name = *token;
    }
  }
  return !tokens.Next().has_value();
}

// Returns the grammar of an `at` line, given its tokens after the first; null if the third token
// is not an op. Without a third token, the line has too few tokens for every `at` command.
const Grammar* AtGrammar(Tokens tokens) noexcept {
  tokens.Next();
  const std::optional<std::string_view> word = tokens.Next();
  return word ? FindGrammar(kAtGrammars, *word) : &kAtWithoutOp;
}

}  // namespace

Result<Command> Parse(std::string_view line) noexcept {
  if (line.size() > kLineLengthMax) return ErrorCode::kLineLength;
  Tokens tokens(line);
  const std::optional<std::string_view> word = tokens.Next();
  Command command;
  if (!word || word->front() == '#') return command;
  const bool at = *word == "at";
  const Grammar* grammar = at ? AtGrammar(tokens) : FindGrammar(kGrammars, *word);
  if (grammar == nullptr) return ErrorCode::kUnknownCommand;
  std::array<ByteString, 2> byte_strings;
  auto& [first, second] = byte_strings;
  if (!ParseArguments(tokens, grammar->arguments, command, byte_strings)) return ErrorCode::kSyntax;
  command.kind = grammar->kind;
  command.needs_cluster = grammar->needs_cluster;
  if (grammar->word == "put") {
    command.op = Op::Put(std::move(first), std::move(second));
  } else if (grammar->word == "del") {
    command.op = Op::Del(std::move(first));
  } else {
    command.bytes = std::move(first);
  }
  return command;
}

void AppendNumber(std::uint64_t number, std::string& out) noexcept {
  std::array<char, 20> digits{};
  const char* end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

void AppendHex(std::span<const std::uint8_t> bytes, std::string& out) noexcept {
  out += "0x";
  AppendHexDigits(bytes, out);
}

void AppendOp(const Op& op, std::string& out) noexcept {
  if (op.kind() == OpKind::kNoOp) {
    out += "noop";
    return;
  }
  out += op.kind() == OpKind::kPut ? "put " : "del ";
  AppendHex(op.key().view(), out);
  if (op.kind() == OpKind::kDel) return;
  out += ' ';
  AppendHex(op.value().view(), out);
}

void AppendOutcome(const Outcome& outcome, std::string& out) noexcept {
  out += outcome.committed ? "ok committed index=" : "ok pending index=";
  AppendNumber(outcome.index, out);
  out += " term=";
  AppendNumber(outcome.term, out);
}

void AppendError(ErrorCode code, std::string& out) noexcept {
  out += "err ";
  out += ErrorName(code);
}

void AppendError(const LoadError& error, std::string& out) noexcept {
  AppendError(error.code, out);
  out += " offset=";
  AppendNumber(error.offset, out);
}

}  // namespace dkv20
