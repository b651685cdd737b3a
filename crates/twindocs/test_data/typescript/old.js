const { clean: tidy } = require('./text');
function Old() {}
function helper() {
  return tidy('a');
}
exports.helper = helper;
exports.run = function () {
  return helper();
};
