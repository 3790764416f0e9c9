#include "docker_client/wire/http_codec.hpp"

#include <algorithm>
#include <optional>

#include <boost/beast/http/basic_parser.hpp>

#include "docker_client/error.hpp"

namespace docker {
namespace {

namespace http = boost::beast::http;
using code = boost::beast::error_code;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

bool may_have_body(std::string_view method) { return method != "GET" && method != "HEAD" && method != "DELETE"; }

// One HTTP message's events, collected. Beast keeps no buffer here: what put() does not consume is ours to keep.
class message_parser : public http::basic_parser<false> {
 public:
  explicit message_parser(bool without_body) {
    header_limit(reply_parser::largest_head);
    body_limit(boost::none);
    skip(without_body);
  }

  reply_head head;
  std::string body;

  /// Beast 1.81 fails an assertion when a first chunk that is also the last comes as three bytes and then as four:
  /// the shortest that can follow here is "0\r\n\r\n".
  bool waits_for_chunk(std::string_view unread) const {
    return is_header_done() && chunked() && chunk_left_ == 0 && unread.size() < 5 && unread.starts_with('0');
  }

 private:
  using text = boost::beast::string_view;
  void on_request_impl(http::verb, text, text, int, code&) override {}
  void on_response_impl(int status, text reason, int, code&) override {
    head.status = status;
    head.reason.assign(reason.data(), reason.size());
  }
  void on_field_impl(http::field, text name, text value, code&) override {
    head.fields.emplace_back(std::string(name.data(), name.size()), std::string(value.data(), value.size()));
  }
  void on_header_impl(code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, code&) override {}
  std::size_t on_body_impl(text bytes, code&) override {
    body.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  void on_chunk_header_impl(std::uint64_t size, text, code&) override { chunk_left_ = size; }
  std::size_t on_chunk_body_impl(std::uint64_t, text bytes, code&) override {
    body.append(bytes.data(), bytes.size());
    chunk_left_ -= bytes.size();
    return bytes.size();
  }
  void on_finish_impl(code&) override {}

  std::uint64_t chunk_left_ = 0;  // of the chunk that is being read
};

}  // namespace

std::string to_bytes(const http_request& request) {
  std::string out = request.method + " " + request.target + " HTTP/1.1\r\nHost: docker\r\nUser-Agent: dockupd\r\n";
  for (const auto& [name, value] : request.fields) out.append(name).append(": ").append(value).append("\r\n");
  if (may_have_body(request.method) || !request.body.empty())
    out.append("Content-Length: ").append(std::to_string(request.body.size())).append("\r\n");
  return out.append("\r\n").append(request.body);
}

const std::string* reply_head::find(std::string_view name) const {
  const auto found = std::ranges::find_if(fields, [&](const auto& field) { return same_name(field.first, name); });
  return found == fields.end() ? nullptr : &found->second;
}

std::string reply_head::field(std::string_view name) const {
  const std::string* found = find(name);
  return found == nullptr ? std::string() : *found;
}

std::string reply_head::media_type() const {
  std::string type = field("Content-Type");
  type.resize(std::min(type.size(), type.find(';')));
  while (type.ends_with(' ')) type.pop_back();
  std::ranges::transform(type, type.begin(), lower);
  return type;
}

class reply_parser::events {
 public:
  explicit events(reply_to request) : without_body_(request == reply_to::head_request) {
    message_.emplace(without_body_);
  }

  void feed(std::string_view bytes) {
    unread_.append(bytes);
    std::size_t used = 0;
    while (!message_->is_done() && used < unread_.size()) {
      if (message_->waits_for_chunk(std::string_view(unread_).substr(used))) break;
      code failure;
      const std::size_t taken =
          message_->put(boost::asio::buffer(unread_.data() + used, unread_.size() - used), failure);
      used += taken;
      limit_head(taken);
      pass_over_interim();
      if (failure == http::error::need_more) break;
      if (failure) throw error(error_kind::protocol, "the answer is not HTTP: " + failure.message());
    }
    unread_.erase(0, used);
  }

  void end_of_input() {
    if (message_->is_done()) return;
    if (!message_->is_header_done())
      throw error(error_kind::truncated, message_->got_some() || !unread_.empty()
                                             ? "the connection ended inside the head of the answer"
                                             : "the connection ended before an answer");
    code failure;
    message_->put_eof(failure);
    if (failure) throw error(error_kind::truncated, "the connection ended inside the body of the answer");
  }

  message_parser& message() { return *message_; }
  std::string_view unread() const { return unread_; }

 private:
  // Beast's own limit is for one field at a time, so endless small fields would pass it.
  void limit_head(std::size_t taken) {
    if (in_body_) return;
    head_bytes_ += taken;
    in_body_ = message_->is_header_done();
    if (head_bytes_ > largest_head) throw error(error_kind::protocol, "the head of the answer is larger than 64 KiB");
  }
  // 100 Continue and its like announce the answer, they are not it.
  void pass_over_interim() {
    const int status = message_->head.status;
    if (!message_->is_done() || status / 100 != 1 || status == 101) return;
    message_.emplace(without_body_);
    in_body_ = false;
  }

  bool without_body_;
  std::optional<message_parser> message_;
  std::string unread_;
  std::size_t head_bytes_ = 0;  // interim answers count too: there may be no end of them
  bool in_body_ = false;
};

reply_parser::reply_parser(reply_to request) : events_(std::make_unique<events>(request)) {}
reply_parser::~reply_parser() = default;
reply_parser::reply_parser(reply_parser&&) noexcept = default;
reply_parser& reply_parser::operator=(reply_parser&&) noexcept = default;

void reply_parser::feed(std::string_view bytes) { events_->feed(bytes); }
void reply_parser::end_of_input() { events_->end_of_input(); }
// An interim head becomes "done" and is replaced within one feed(), so a head seen from outside is the answer's.
bool reply_parser::has_head() const noexcept { return events_->message().is_header_done(); }
const reply_head& reply_parser::head() const noexcept { return events_->message().head; }
std::string reply_parser::take_body() { return std::exchange(events_->message().body, {}); }
bool reply_parser::complete() const noexcept { return events_->message().is_done(); }
bool reply_parser::keeps_alive() const noexcept {
  return complete() && events_->message().head.status != 101 && events_->unread().empty() &&
         events_->message().keep_alive();
}
std::string_view reply_parser::leftover() const noexcept { return events_->unread(); }

}  // namespace docker
