// A process with pipes. All waiting has a deadline.

#ifndef DKV20_TESTS_PROCESS_H_
#define DKV20_TESTS_PROCESS_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dkv20::testing {

// How a process ended. `status` is its exit status, or -1 if it was ended by a signal or did not
// end before the deadline.
struct Ended {
  int status = -1;
  long max_resident_bytes = 0;
};

// A running process. The destructor kills it if it still runs.
class Process {
 public:
  // Starts the program at the path arguments[0].
  explicit Process(const std::vector<std::string>& arguments);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  // Writes all of `bytes`, and reads output at the same time. Returns false if that fails or takes
  // longer than the deadline.
  bool Send(std::string_view bytes);
  // Returns the next line of standard output, without LF; nothing at its end or the deadline.
  std::optional<std::string> ReadLine();
  void CloseInput();
  void CloseOutput();
  // Returns the rest of standard output, up to its end or the deadline.
  std::string ReadAll();
  // Waits for the process to end. To be called once.
  Ended Wait();
  // Returns standard error. To be called after Wait.
  std::string ReadErrors();

 private:
  // Waits until it can read or write, and does so. Returns false at the deadline.
  bool Pump(std::string_view* unsent);

  pid_t pid_ = -1;
  int input_ = -1;
  int output_ = -1;
  int errors_ = -1;
  bool at_end_ = false;
  std::string received_;
};

}  // namespace dkv20::testing

#endif  // DKV20_TESTS_PROCESS_H_
