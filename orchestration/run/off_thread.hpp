// Heavy blocking work (archives, hashing) off the engine's thread, and back as a value.
#pragma once

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "docker_client/task.hpp"

namespace orchestration {

/// Runs work() on the pool and resumes where the caller was. What work throws is thrown here. Cancelling does not
/// interrupt work(): give it a std::stop_token of its own.
template <class Work>
docker::task<std::invoke_result_t<Work&>> off_thread(boost::asio::thread_pool& pool, Work work) {
  namespace asio = boost::asio;
  const asio::any_io_executor home = co_await asio::this_coro::executor;
  auto away = asio::bind_executor(pool.get_executor(), asio::use_awaitable);
  auto back = asio::bind_executor(home, asio::use_awaitable);
  std::optional<std::invoke_result_t<Work&>> result;
  std::exception_ptr error;
  co_await asio::post(std::move(away));
  try {
    result.emplace(work());
  } catch (...) {
    error = std::current_exception();
  }
  co_await asio::post(std::move(back));
  if (error) std::rethrow_exception(error);
  co_return std::move(*result);
}

}  // namespace orchestration
