#include "dkv20/protocol.h"

#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include "hex.h"

namespace dkv20 {
namespace {

// A command word and its arguments, one letter each: n a number (an ID too), b a byte string, w
// a bare word; * stands for any number of ids. Of `at` lines the word is that of the op, which
// stands as w among the arguments.
struct CommandForm {
  std::string_view word;
  CommandKind kind;
  std::string_view arguments;
  bool needs_cluster;
};

constexpr auto kForms = std::to_array<CommandForm>({
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

constexpr auto kAtForms = std::to_array<CommandForm>({
    {"put", CommandKind::kProposeAt, "nwbb", true},
    {"del", CommandKind::kProposeAt, "nwb", true},
    {"noop", CommandKind::kProposeAt, "nw", true},
});
constexpr CommandForm kAtWithoutOp = {"at", CommandKind::kProposeAt, "nw", true};

template <std::size_t kCount>
const CommandForm* FindForm(const std::array<CommandForm, kCount>& forms,
                            std::string_view word) noexcept {
  for (const CommandForm& form : forms) {
    if (form.word == word) return &form;
  }
  return nullptr;
}

// The tokens of a line, from left to right.
class Tokens {
 public:
  explicit Tokens(std::string_view line) noexcept : rest_(line) {}

  // The next token, never empty, or nothing at the end of the line.
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
  if (seen >= 16) return std::nullopt;  // The bit that no digit's value has.
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

// What the arguments of a line came to, before it is known what they are for.
struct Arguments {
  std::array<std::uint64_t, 3> numbers = {};
  std::array<ByteString, 2> bytes;
  std::string_view word;
  std::vector<ReplicaId> ids;
};

// Reads the arguments that the form asks for, and sees that there are no more.
bool ParseArguments(Tokens& tokens, std::string_view form, Arguments& arguments) noexcept {
  std::size_t number_count = 0;
  std::size_t bytes_count = 0;
  for (const char kind : form) {
    if (kind == '*') return ParseIds(tokens, arguments.ids);
    const std::optional<std::string_view> token = tokens.Next();
    if (!token) return false;
    if (kind == 'n') {
      const std::optional<std::uint64_t> number = ParseNumber(*token);
      if (!number) return false;
      arguments.numbers[number_count++] = *number;
    } else if (kind == 'b') {
      std::optional<ByteString> bytes = ParseBytes(*token);
      if (!bytes) return false;
      arguments.bytes[bytes_count++] = std::move(*bytes);
    } else {
      arguments.word = *token;
    }
  }
  return !tokens.Next().has_value();
}

Op MakeOp(std::string_view word, Arguments& arguments) noexcept {
  if (word == "put") return Op::Put(std::move(arguments.bytes[0]), std::move(arguments.bytes[1]));
  if (word == "del") return Op::Del(std::move(arguments.bytes[0]));
  return Op::NoOp();
}

// The form of an `at` line, whose tokens after the first are looked at; nullptr where the third
// is no op. Where there is no third the line has too few tokens for any form of `at`.
const CommandForm* AtForm(Tokens tokens) noexcept {
  tokens.Next();
  const std::optional<std::string_view> word = tokens.Next();
  return word ? FindForm(kAtForms, *word) : &kAtWithoutOp;
}

}  // namespace

Result<Command> Parse(std::string_view line) noexcept {
  if (line.size() > kLineLengthMax) return ErrorCode::kLineLength;
  Tokens tokens(line);
  const std::optional<std::string_view> word = tokens.Next();
  Command command;
  if (!word || word->front() == '#') return command;
  const bool at = *word == "at";
  const CommandForm* form = at ? AtForm(tokens) : FindForm(kForms, *word);
  if (form == nullptr) return ErrorCode::kUnknownCommand;
  Arguments arguments;
  if (!ParseArguments(tokens, form->arguments, arguments)) return ErrorCode::kSyntax;
  command.kind = form->kind;
  command.needs_cluster = form->needs_cluster;
  command.numbers = arguments.numbers;
  command.op = MakeOp(form->word, arguments);
  command.bytes = std::move(arguments.bytes[0]);
  command.ids = std::move(arguments.ids);
  command.name = arguments.word;
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
  switch (op.kind()) {
    case OpKind::kNoOp:
      out += "noop";
      return;
    case OpKind::kPut:
      out += "put ";
      AppendHex(op.key().view(), out);
      out += ' ';
      AppendHex(op.value().view(), out);
      return;
    case OpKind::kDel:
      out += "del ";
      AppendHex(op.key().view(), out);
      return;
  }
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
