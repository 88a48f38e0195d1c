# The one list of C++ sources: binding.gyp includes this file, CMakeLists.txt reads the names out of it.
{
  'variables': {
    'netlace_sources': [
      'native/addon.cc',
      'native/arguments.cc',
      'native/convert.cc',
      'native/descriptor.cc',
      'native/exchange.cc',
      'native/exchange_queue.cc',
      'native/file.cc',
      'native/mount.cc',
      'native/namespace.cc',
      'native/netlink_socket.cc',
      'native/netlink_socket_object.cc',
      'native/pool_task.cc',
      'native/reader.cc',
      'native/reader_object.cc',
      'native/socket.cc',
      'native/thread.cc',
    ],
  },
}
