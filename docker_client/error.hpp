// The one exception of the client: what was asked, how far it got, and the engine's own words.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace docker {

enum class error_kind {
  not_connected,      // no connection to the engine, or it broke before an answer
  timeout,            // a deadline passed; the connection is closed
  cancelled,          // the caller cancelled; the connection is closed
  protocol,           // the answer is not what HTTP or the engine's API allows
  truncated,          // the answer ended early
  refused_by_engine,  // a status that the call does not expect, 4xx and 5xx above all
  in_stream,          // the engine reported a failure inside a successful answer (a pull, a log)
};

/// Whether the engine may have done what was asked, although the call failed.
enum class acted {
  no,        // the request never left
  maybe,     // it left, at least in part, and no answer came: look before trying again
  answered,  // the engine answered: its status and words say what it did
};

/// A request as it is shown: "POST", "/containers/create?name=web", without the version, secrets removed.
struct request_line {
  request_line() = default;
  request_line(std::string_view method_name, std::string_view target);
  std::string method;
  std::string path;
};

/// what() is one line of printable text, fit for a terminal:
/// "POST /containers/create?name=x: 409 Conflict: engine says: …".
class error : public std::runtime_error {
 public:
  error(error_kind kind, std::string reason);
  error(error_kind kind, std::string reason, request_line line, acted how_far);
  /// The engine refused: `engine_message` are its words, already cleaned by engine_message_of().
  error(request_line line, int status, std::string reason_phrase, std::string engine_message);

  /// The same failure, of this request; unchanged when it has a request already.
  error of(const request_line& line, acted how_far) const;
  /// The failure the engine reported inside the answer with `status`.
  static error in_stream(const request_line& line, int status, std::string engine_message);

  error_kind kind() const noexcept { return kind_; }
  int status() const noexcept { return status_; }  // 0: no answer
  const std::string& method() const noexcept { return line_.method; }
  const std::string& path() const noexcept { return line_.path; }
  const std::string& engine_message() const noexcept { return engine_message_; }  // empty: it said nothing
  docker::acted acted() const noexcept { return acted_; }

 private:
  error_kind kind_;
  std::string reason_;
  request_line line_;
  int status_ = 0;
  std::string engine_message_;
  docker::acted acted_ = docker::acted::no;
};

/// Control characters (and so terminal escapes and line breaks) turned into spaces, runs of them into one, cut to
/// `most` bytes on a character's border, with "…" when cut.
std::string printable(std::string_view text, std::size_t most);

/// What an error's body says: the `message` of a JSON answer; the first 300 bytes of anything else, quoted.
std::string engine_message_of(std::string_view body);

}  // namespace docker
