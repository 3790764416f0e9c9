// What a run says while it works, as values; rendering is the program's.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace orchestration {

struct progress_event {
  enum class kind {
    phase,    // a new phase begins: `text` names it
    begin,    // operation `number` of `total` begins: `text` says what, `subject` on what
    advance,  // bytes moved or layers pulled inside the operation
    end,      // it is done; `text` says what came of it ("already so", "exited 0 after 1.2 s")
    note,
    warning,
    outcome  // the whole run: `text` is the verdict in words
  };
  kind what = kind::note;
  std::string phase;
  std::string subject;  // "web.1", a volume, an image; may be empty
  std::string text;
  int number = 0;
  int total = 0;
  std::int64_t current = 0;  // advance: bytes
  std::int64_t of = 0;       // advance: bytes in all; 0: unknown
};

/// Called on the engine's thread only. Never throws.
using progress_sink = std::function<void(const progress_event&)>;

}  // namespace orchestration
