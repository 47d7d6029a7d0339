// Names in place of numbers for the modules: the same source is the same output, in any folder.
module.exports = { optimization: { moduleIds: 'named' }, devtool: false };
