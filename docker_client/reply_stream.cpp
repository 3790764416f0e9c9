#include "docker_client/reply_stream.hpp"

#include "docker_client/wire/exchange.hpp"
#include "docker_client/wire/pool.hpp"

namespace docker {

reply_stream::reply_stream(std::unique_ptr<exchange> answered, std::shared_ptr<pool> origin, request_line line)
    : exchange_(std::move(answered)), pool_(std::move(origin)), head_(exchange_->head()), line_(std::move(line)) {}
reply_stream::reply_stream(reply_stream&&) noexcept = default;
reply_stream& reply_stream::operator=(reply_stream&&) noexcept = default;
reply_stream::~reply_stream() = default;

task<std::size_t> reply_stream::read_some(std::span<std::byte> buffer) {
  if (exchange_ == nullptr) co_return 0;  // complete earlier
  const std::size_t count = co_await exchange_->read_some(buffer);
  if (count == 0) {
    if (auto connection = exchange_->release()) {
      pool_->give_back(std::move(connection));
      exchange_.reset();
    }
  }
  co_return count;
}

void reply_stream::close() noexcept {
  if (exchange_ != nullptr) exchange_->close();
}

}  // namespace docker
