{
  'includes': ['native/sources.gypi'],
  'variables': {
    # For example: node-gyp rebuild -- -Dnetlace_sanitize=address,undefined
    'netlace_sanitize%': '',
  },
  'targets': [
    {
      # A program that is part of the addon: native/launcher/launcher.cc. It has no C library.
      'target_name': 'launcher',
      'type': 'executable',
      'sources': ['native/launcher/launcher.cc'],
      'cflags': ['-Wall', '-Wextra', '<@(netlace_launcher_cflags)'],
      'cflags_cc': ['-std=c++20'],
      'cflags!': ['-fPIC', '-fno-omit-frame-pointer'],
      'ldflags!': ['-rdynamic', '-pthread'],
      'ldflags': ['<@(netlace_launcher_ldflags)'],
      'configurations': {
        'Release': { 'cflags!': ['-O3', '-fno-omit-frame-pointer'] },
        'Debug': { 'cflags!': ['-g', '-O0'] },
      },
    },
    {
      'target_name': 'netlace',
      'dependencies': ['launcher'],
      'actions': [
        {
          'action_name': 'launcher_image',
          'inputs': ['<(PRODUCT_DIR)/launcher', 'scripts/embed.mjs'],
          'outputs': ['<(INTERMEDIATE_DIR)/launcher_image.h'],
          'action': ['node', 'scripts/embed.mjs', 'launcher_image', '<@(_inputs)', '<@(_outputs)'],
        },
      ],
      'sources': ['<@(netlace_sources)'],
      'include_dirs': ['<!(node -p "require(\'node-addon-api\').include_dir")', '<(INTERMEDIATE_DIR)'],
      'defines': [
        'NAPI_VERSION=9',
        'NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS',
        'NODE_ADDON_API_DISABLE_DEPRECATED',
        # In a Worker that is being terminated nothing can be thrown any more. That must not end the process.
        'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
      ],
      'cflags': ['-fvisibility=hidden', '-Wall', '-Wextra'],
      'cflags_cc': ['-std=c++20', '-fno-exceptions', '-fvisibility-inlines-hidden'],
      # A thread may still wait for the children of the only Worker that has loaded it: native/reaper.cc.
      'ldflags': ['-Wl,-z,nodelete'],
      'conditions': [
        ['netlace_sanitize!=""', {
          'cflags': ['-fsanitize=<(netlace_sanitize)', '-fno-omit-frame-pointer', '-g', '-O1'],
          'ldflags': ['-fsanitize=<(netlace_sanitize)'],
        }],
      ],
    },
  ],
}
