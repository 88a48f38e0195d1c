{
  'includes': ['native/sources.gypi'],
  'variables': {
    # For example: node-gyp rebuild -- -Dnetlace_sanitize=address,undefined
    'netlace_sanitize%': '',
  },
  'targets': [
    {
      'target_name': 'netlace',
      'sources': ['<@(netlace_sources)'],
      'include_dirs': ['<!(node -p "require(\'node-addon-api\').include_dir")'],
      'defines': [
        'NAPI_VERSION=9',
        'NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS',
        'NODE_ADDON_API_DISABLE_DEPRECATED',
        # In a Worker that is being terminated nothing can be thrown any more. That must not end the process.
        'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
      ],
      'cflags': ['-fvisibility=hidden', '-Wall', '-Wextra'],
      'cflags_cc': ['-std=c++20', '-fno-exceptions', '-fvisibility-inlines-hidden'],
      # Executed instead of loaded, the addon is an init: native/init.cc.
      'ldflags': ['-Wl,-e,netlace_init'],
      'conditions': [
        ['netlace_sanitize!=""', {
          'cflags': ['-fsanitize=<(netlace_sanitize)', '-fno-omit-frame-pointer', '-g', '-O1'],
          'ldflags': ['-fsanitize=<(netlace_sanitize)'],
        }],
      ],
    },
  ],
}
