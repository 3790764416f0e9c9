// What every asynchronous function of the client returns.
//
// All of one client's tasks run on one executor with one thread; nothing here is locked. A task is awaited where it
// is made or moved to co_spawn; the client outlives it.
#pragma once

#include <boost/asio/awaitable.hpp>

namespace docker {

template <class T = void>
using task = boost::asio::awaitable<T>;

}  // namespace docker
