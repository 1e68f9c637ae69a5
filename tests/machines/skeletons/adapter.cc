// An adapter: it reads a command line and writes exactly one answer line, until its input ends.

#include <algorithm>
#include <cstdint>
#include <exception>
#include <iostream>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

// --- To keep ------------------------------------------------------------------------------------

// An answer `err CLASS TEXT`: the program refuses the command, and nothing has changed.
struct Refusal {
  std::string kind;
  std::string text;
};

class Session;

std::optional<std::string> Run(Session& session, const std::vector<std::string>& words);

std::vector<std::string> Split(const std::string& line) {
  std::vector<std::string> words(1);
  for (const char c : line) {
    if (c == ' ') {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  return words;
}

// An unexpected exception becomes an answer, too, of one line. A signal, such as that of a
// null pointer, ends the process all the same.
std::string Answer(Session& session, const std::string& line) {
  std::string panic;
  try {
    const auto result = Run(session, Split(line));
    return result ? "ok " + *result : "ok";
  } catch (const Refusal& refusal) {
    return "err " + refusal.kind + " " + refusal.text;
  } catch (const std::exception& error) {
    panic = error.what();
  } catch (...) {
    panic = "an exception of an unknown type";
  }
  std::replace(panic.begin(), panic.end(), '\n', ' ');
  return "err panic " + panic;
}

// --- To replace by your program: a counter with a log -------------------------------------------

const std::map<std::string, std::string> kUsage = {
    {"hello", "hello"},       {"new", "new LIMIT"}, {"add", "add N"},   {"sub", "sub N"},
    {"undo", "undo"},         {"clear", "clear"},   {"value", "value"}, {"len", "len"},
    {"entry", "entry INDEX"}, {"log", "log"},       {"tally", "tally"}, {"fail", "fail"}};

class Session {
 public:
  // A start line makes the program forget everything before it.
  void Start(int64_t limit) {
    limit_ = limit;
    value_ = 0;
    log_.clear();
  }

  std::string Change(int64_t by) {
    if (value_ + by < 0) throw Refusal{"range", "below zero"};
    if (value_ + by > limit_) throw Refusal{"range", "above the limit"};
    log_.push_back(by);
    value_ += by;
    return std::to_string(value_);
  }

  std::string Undo() {
    if (log_.empty()) throw Refusal{"empty", "the log is empty"};
    value_ -= log_.back();
    log_.pop_back();
    return std::to_string(value_);
  }

  void Clear() { log_.clear(); }
  int64_t Value() const { return value_; }
  int64_t Length() const { return static_cast<int64_t>(log_.size()); }

  std::string Entry(int64_t index) const { return Signed(log_.at(static_cast<size_t>(index))); }

  std::string Log() const {
    std::vector<std::string> entries;
    for (const int64_t by : log_) entries.push_back(Signed(by));
    return List(entries);
  }

  // A hash table has no order, and the answer needs one, so the map is sorted by its keys.
  std::string Tally() const {
    std::map<std::string, int> counts;
    for (const int64_t by : log_) ++counts[Signed(by)];
    std::vector<std::string> entries;
    for (const auto& [by, count] : counts) entries.push_back(by + ":" + std::to_string(count));
    return List(entries);
  }

 private:
  static std::string Signed(int64_t by) { return (by < 0 ? "" : "+") + std::to_string(by); }

  static std::string List(const std::vector<std::string>& entries) {
    std::string list;
    for (const auto& entry : entries) list += (list.empty() ? "" : ",") + entry;
    return list.empty() ? "-" : list;
  }

  int64_t limit_ = 10;
  int64_t value_ = 0;
  std::vector<int64_t> log_;
};

int64_t Number(const std::string& word, const std::string& usage, int64_t low, int64_t high,
               const std::string& text) {
  const bool is_number = !word.empty() && word.size() <= 10 &&
                         word.find_first_not_of("0123456789") == std::string::npos;
  if (!is_number) throw Refusal{"usage", usage};
  const int64_t number = std::stoll(word);
  if (number < low || number > high) throw Refusal{"range", text};
  return number;
}

std::optional<std::string> Run(Session& session, const std::vector<std::string>& words) {
  const auto found = kUsage.find(words[0]);
  if (found == kUsage.end()) throw Refusal{"unknown", "no such command"};
  const auto& [name, usage] = *found;
  if (words.size() != Split(usage).size()) throw Refusal{"usage", usage};
  const auto amount = [&] {
    return Number(words[1], usage, 0, 65535, "a number is at most 65535");
  };
  if (name == "hello") return "counter 1";
  if (name == "add") return session.Change(amount());
  if (name == "sub") return session.Change(-amount());
  if (name == "undo") return session.Undo();
  if (name == "value") return std::to_string(session.Value());
  if (name == "len") return std::to_string(session.Length());
  if (name == "log") return session.Log();
  if (name == "tally") return session.Tally();
  if (name == "entry") {
    return session.Entry(Number(words[1], usage, 0, session.Length() - 1, "no such entry"));
  }
  if (name == "fail") throw std::runtime_error("as asked");
  if (name == "new") {
    session.Start(Number(words[1], usage, 1, 65535, "a limit is 1 to 65535"));
  } else {
    session.Clear();
  }
  return std::nullopt;
}

int main() {
  Session session;
  for (std::string line; std::getline(std::cin, line);) {
    // std::endl flushes: an answer leaves the process before the next line is read.
    std::cout << Answer(session, line) << std::endl;
  }
}
