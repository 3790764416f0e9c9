// HTTP/1.1 without a socket: a request → bytes, bytes → a reply's head and body.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace docker {

using http_fields = std::vector<std::pair<std::string, std::string>>;

struct http_request {
  http_request() = default;
  std::string method;
  std::string target;  // encoded already
  http_fields fields;  // besides Host, User-Agent, Content-Length
  std::string body;
};

/// Host is "docker": the engine refuses a socket's path there. Content-Length is sent for every method with a body or
/// that may have one (a POST without it is read as chunked by new engines). No Accept-Encoding: an archive would come
/// compressed.
std::string to_bytes(const http_request& request);

struct reply_head {
  int status = 0;
  std::string reason;
  http_fields fields;
  const std::string* find(std::string_view name) const;  // case-insensitive; the first
  std::string field(std::string_view name) const;        // "" when missing
  /// The media type alone, lower case: "application/json" for "application/json; charset=utf-8".
  std::string media_type() const;
};

enum class reply_to { head_request, any_other };

/// One reply. Interim replies (1xx but 101) are passed over. Throws docker::error (protocol, truncated).
class reply_parser {
 public:
  static constexpr unsigned largest_head = 64 * 1024;

  explicit reply_parser(reply_to request);
  ~reply_parser();
  reply_parser(reply_parser&&) noexcept;
  reply_parser& operator=(reply_parser&&) noexcept;

  void feed(std::string_view bytes);
  /// The connection ended: completes a body without length; error (truncated) otherwise, unless complete.
  void end_of_input();

  bool has_head() const noexcept;
  const reply_head& head() const noexcept;
  /// The body's bytes decoded since the last call.
  std::string take_body();
  /// Head and body are complete. 101: at once, what follows is leftover().
  bool complete() const noexcept;
  /// The connection may be used for another request (only meaningful when complete).
  bool keeps_alive() const noexcept;
  /// Bytes after the reply: the upgraded protocol's, or a fault of the other side.
  std::string_view leftover() const noexcept;

 private:
  class events;
  std::unique_ptr<events> events_;
};

}  // namespace docker
